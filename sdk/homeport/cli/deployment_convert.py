"""`homeport deployment convert` and `schema`: from Prefect's YAML to ours, and what ours may say."""

from __future__ import annotations

import json
from pathlib import Path

import click

from homeport.cli import deployment_problems
from homeport.cli.failures import USAGE, CommandError
from homeport.cli.session import Session, pass_session, say


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="The file to write; else stdout.")
@click.option("--in-place", is_flag=True, help="Write it into FILE itself.")
@pass_session
def convert(session: Session, file: Path, output: Path | None, in_place: bool) -> None:
    """Rewrite the YAML of Prefect 2.4 in our form. What cannot be carried over is told with what to do.

    `apply` reads Prefect's form, too: nobody has to convert.
    """
    from homeport.cli.deployment_build import schema_url
    from homeport.deployments import building, reading, yaml_files

    if output is not None and in_place:
        raise click.UsageError("--output and --in-place both say where to write.\nhint: Give one of them.")
    target = file if in_place else output
    with deployment_problems.told("Nothing was written."):
        if file.is_dir():
            raise CommandError(f"{file} is a folder.", hint="Convert one file at a time.", code=USAGE)
        [(path, _)] = reading.files_of([file])
        before = target.read_bytes() if target is not None and target.exists() else None
        found = reading.read_file(path)
        text = building.converted_text(found, file=path, schema_url=schema_url(session))
        if target is not None:
            yaml_files.write(target, text, before=before)
    deployment_problems.warn([note for one in found for note in one.notes])
    if target is None:
        click.echo(text, nl=False)
    else:
        say(f"Wrote {target}. Next: homeport deployment apply {target}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of the YAML. Editors find it at the control plane, whose address `build` writes on top."""
    from homeport.deployments.specification import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
