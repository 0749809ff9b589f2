"""`homeport deployment run`: a run of a deployment, by its name."""

from __future__ import annotations

from typing import Any

import click

from homeport.cli import deployment_target, known_names
from homeport.cli.printing import DataCommand
from homeport.cli.run import RUN_FIELDS, run_options, start
from homeport.cli.session import Session, pass_session


@click.command(cls=DataCommand, fields=RUN_FIELDS)
@click.argument(
    "deployment", required=False, metavar="[PROJECT/]FLOW/NAME", shell_complete=known_names.complete_deployments
)
@click.option("--id", "ref", help="The deployment's id, in place of its name.")
@deployment_target.project_option
@run_options
@pass_session
def run(
    session: Session,
    /,
    deployment: str | None,
    ref: str | None,
    project: str | None,
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
    return start(session, {"deploymentId": found["id"]}, fields=fields, **options)
