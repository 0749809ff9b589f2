"""`homeport deployment build`: from FILE:FLOW and options to the YAML of a deployment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from homeport.cli import deployment_problems, dotted_values, parameters
from homeport.cli.failures import CommandError
from homeport.cli.known_names import complete_blocks
from homeport.cli.schedule_options import schedule_given, schedule_options
from homeport.cli.session import Session, pass_session, say

if TYPE_CHECKING:
    from homeport.deployments.preparing import Prepared
    from homeport.deployments.reading import Described
    from homeport.flows import Flow

INFRASTRUCTURE = ("process", "docker-container", "kubernetes-job", "ecs-task")


@click.command()
@click.argument("entrypoint", metavar="FILE:FLOW")
@click.option("--name", "-n", required=True, help="The deployment's name.")
@click.option(
    "--work-queue", "--queue", "-q", "queue", metavar="QUEUE", help="The work queue of its runs; made if missing."
)
@click.option(
    "--storage-block",
    "-sb",
    "storage",
    metavar="TYPE/NAME[/PATH]",
    help="The block that keeps its code.",
    shell_complete=complete_blocks,
)
@click.option("--path", help="A folder within the storage.")
@click.option("--skip-upload", is_flag=True, help="Do not store the code now; `apply` does.")
@click.option("--infra", "-i", type=click.Choice(INFRASTRUCTURE), help="What runs it.")
@click.option(
    "--infra-block",
    "-ib",
    metavar="TYPE/NAME",
    help="The block that says what runs it.",
    shell_complete=complete_blocks,
)
@click.option(
    "--override", "overrides", multiple=True, metavar="KEY.KEY=VALUE", help="Of the infrastructure: env.LEVEL=debug."
)
@click.option("--param", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter; JSON if it parses as such.")
@click.option("--params", "document", metavar="JSON", help="Parameters as a JSON object.")
@schedule_options
@click.option("--version", "-v", help="A version of your own.")
@click.option("--tag", "-t", "tags", multiple=True, help="For people to find it by; repeatable.")
@click.option("--label", "-l", "labels", multiple=True, help="A label that agents must have; repeatable.")
@click.option("--description", "-d", help="What it is; the flow's own unless given.")
@click.option("--project", help="Its project; that of the settings (`default`) unless given.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="The folder that travels with the flow.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="The file to write; FLOW-deployment.yaml."
)
@click.option("--apply", "-a", "apply_too", is_flag=True, help="Apply it, too.")
@pass_session
def build(
    session: Session,
    /,
    entrypoint: str,
    name: str,
    skip_upload: bool,
    root: Path | None,
    output: Path | None,
    apply_too: bool,
    **options: Any,
) -> int:
    """Write the YAML of a deployment of FILE:FLOW, and store its code where --storage-block says.

    A file that is there already keeps its comments and what a person wrote into it; only what the options say is
    changed.

    \b
    homeport deployment build demo.py:hello_world --name demo_smb -q demo -sb smb/test
    homeport deployment apply hello_world-deployment.yaml
    """
    from homeport.deployments import building, preparing

    given = _given(options)
    source, variable = _parts(entrypoint)
    file = (output or Path(building.file_name(variable))).absolute()
    entrypoint_there, root_there = _from_file(source, variable, file, root)
    if not file.parent.is_dir():
        there = f"there is no folder {file.parent}; make it: mkdir -p {file.parent}"
        raise click.BadParameter(there, param_hint="--output")
    base = (file.parent / root_there) if root_there else file.parent
    upload = given["storage"] is not None and not skip_upload
    with deployment_problems.told("Nothing was written."):
        flow = preparing.load(entrypoint_there, base, entrypoint)
        say(f"Found flow {flow.name!r}")
        said = building.keys_of(flow, name, entrypoint_there, {**given, "root": root_there})
        building.checked(building.first_keys(flow, said), file)
        planned = building.planned(file, flow, said, schema_url=schema_url(session))
        prepared = preparing.Preparation(session.settings, session.execute)
        ready = prepared.prepare([planned.made]) if upload or apply_too else []
        if not ready:
            _check_against(planned.made, flow)
        _write(planned)
    deployment_problems.warn(planned.made.notes)
    say(f"Deployment YAML {'updated' if planned.before is not None else 'created'} at {str(file)!r}.")
    click.echo(str(file))
    if ready:
        _go_on(session, ready, apply_too=apply_too)
    if not apply_too:
        say(f"Next: homeport deployment apply {_short(file)}")
    return 0


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The keys of the YAML that the options say; None for what they do not say. Raises UsageError."""
    given = dict(options)
    given["schedule"] = schedule_given(given)
    infra, infra_block = given.pop("infra"), given.pop("infra_block")
    if infra is not None and infra_block is not None:
        raise click.UsageError("--infra and --infra-block both say what runs it.\nhint: Give one of them.")
    given["infrastructure"] = infra_block or ({"type": infra, "env": {}} if infra else None)
    given["overrides"] = dotted_values.parse(given["overrides"]) or None
    given["parameters"] = parameters.parse_all(given.pop("pairs"), given.pop("document")) or None
    for several in ("tags", "labels"):
        given[several] = list(given[several]) or None
    return given


def _go_on(session: Session, ready: Sequence[Prepared], *, apply_too: bool) -> None:
    """Apply what was built, or only store its code."""
    from homeport.cli.deployment_apply import Applying
    from homeport.deployments.applying import Application

    if apply_too:
        Applying(session).run(ready)
    else:
        Applying(session, to_stderr=True).store(Application(session.client, session.settings.home), ready)


def schema_url(session: Session) -> str:
    """Where editors find the JSON Schema of the file: at the control plane."""
    from homeport.client.addresses import base_url
    from homeport.deployments.building import SCHEMA_PATH

    return base_url(session.settings.api_url) + SCHEMA_PATH


def _check_against(made: Described, flow: Flow) -> None:
    """What can be said without asking the control plane."""
    from homeport.deployments.preparing import described_infrastructure, overridden, wrong_parameters
    from homeport.deployments.problems import InvalidDeployment

    problems = list(wrong_parameters(made, flow))
    if not isinstance(made.specification.infrastructure, str):
        try:
            overridden(made, described_infrastructure(made))
        except InvalidDeployment as error:
            problems += error.problems
    if problems:
        raise InvalidDeployment(problems)


def _write(planned: Any) -> None:
    try:
        planned.write()
    except OSError as error:
        raise CommandError(f"{planned.file} cannot be written: {error.strerror}.") from error


def _parts(entrypoint: str) -> tuple[str, str]:
    source, colon, variable = entrypoint.rpartition(":")
    if colon and source and variable:
        return source, variable
    hint = "homeport deployment build demo.py:hello_world -n NAME"
    if Path(entrypoint).is_file():
        from homeport.engine.loading import load_flows

        try:
            found = [str(flow.variable) for flow in load_flows(Path(entrypoint))]
        except (Exception, SystemExit):
            found = []  # naming one of them will say what is wrong with it
        hint = f"Its flows: {', '.join(f'{entrypoint}:{one}' for one in found)}" if found else hint
    raise click.UsageError(f"{entrypoint!r} is not FILE:FLOW.\nhint: {hint}")


def _from_file(source: str, variable: str, file: Path, root: Path | None) -> tuple[str, str | None]:
    """The entrypoint as the YAML says it, and the `root` that it needs for that."""
    from homeport.code import find_root

    if not source.endswith(".py") and "/" not in source:
        base = root or Path.cwd()
        return f"{source}:{variable}", None if base.absolute() == file.parent else _relative(base, file.parent)
    place = Path(source).absolute()
    if root is None and place.is_relative_to(file.parent):
        return f"{_relative(place, file.parent)}:{variable}", None
    base = root.absolute() if root is not None else find_root(place)
    return f"{_relative(place, base)}:{variable}", _relative(base, file.parent)


def _relative(path: Path, base: Path) -> str:
    return Path(os.path.relpath(path, base)).as_posix()


def _short(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
