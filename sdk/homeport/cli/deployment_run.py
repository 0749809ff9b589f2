"""`homeport deployment run`: a run of a deployment, by its name."""

from __future__ import annotations

from typing import Any

import click

from homeport.cli import deployment_target, known_names, parameters
from homeport.cli.printing import DataCommand
from homeport.cli.run import RUN_FIELDS, run_options, start
from homeport.cli.session import Session, pass_session, say


@click.command(cls=DataCommand, fields=RUN_FIELDS)
@click.argument(
    "deployment", required=False, metavar="[PROJECT/]FLOW/NAME", shell_complete=known_names.complete_deployments
)
@click.option("--id", "ref", help="The deployment's id, in place of its name.")
@click.option("--project", help="Its project; needed where several have such a deployment.")
@click.option("-p", "more_pairs", multiple=True, metavar="NAME=VALUE", help="As --param.")
@click.option("--params", "document", metavar="JSON", help="Parameters as a JSON object.")
@run_options
@pass_session
def run(
    session: Session,
    /,
    deployment: str | None,
    ref: str | None,
    project: str | None,
    more_pairs: tuple[str, ...],
    document: str | None,
    fields: str | None,
    **options: Any,
) -> int | None:
    """Run a deployment: FLOW/NAME, PROJECT/FLOW/NAME, or an id. As `homeport run`, which names flows.

    The exit code of --watch and --execute is that of the run: 0 when it completed, 1 when it did not.
    """
    named = ref or deployment
    if named is None:
        raise click.UsageError("Nothing to run.\nhint: Give FLOW/NAME, or --id ID; see: homeport deployment ls")
    found = deployment_target.find(session, named, project)
    if found["paused"] and not options.get("execute"):
        whole = f"{found['flow']['name']}/{found['name']}"
        say(f"{whole} is paused: no agent gets the run before: homeport deployment resume {whole}", fg="yellow")
    options["pairs"] = (*parameters.as_pairs(document), *options["pairs"], *more_pairs)
    return start(session, {"deploymentId": found["id"]}, fields=fields, **options)
