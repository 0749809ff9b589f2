"""`homeport deployment`: deployments from YAML, and what is done with those that are registered."""

from __future__ import annotations

import click

from homeport.cli.groups import CommandGroup, Entry

_HERE = "homeport.cli"
ENTRIES = {
    "build": Entry(
        f"{_HERE}.deployment_build:build", "Write the YAML of a deployment of FILE:FLOW, and store its code."
    ),
    "apply": Entry(f"{_HERE}.deployment_apply:apply", "Store the code of deployments, and register them."),
    "convert": Entry(f"{_HERE}.deployment_convert:convert", "Rewrite the YAML of Prefect 2.4 in our form."),
    "schema": Entry(f"{_HERE}.deployment_convert:schema", "Print the JSON Schema of the YAML, for editors."),
    "run": Entry(f"{_HERE}.deployment_run:run", "Run a deployment."),
    "ls": Entry(f"{_HERE}.deployment_manage:ls", "List deployments."),
    "inspect": Entry(f"{_HERE}.deployment_manage:inspect", "Show everything about a deployment."),
    "set-schedule": Entry(f"{_HERE}.deployment_manage:set_schedule", "Set when its runs are due."),
    "clear-schedule": Entry(f"{_HERE}.deployment_manage:clear_schedule", "Take its schedule away."),
    "pause-schedule": Entry(f"{_HERE}.deployment_manage:pause_schedule", "Let its schedule make no runs for now."),
    "resume-schedule": Entry(f"{_HERE}.deployment_manage:resume_schedule", "Let its schedule make runs again."),
    "pause": Entry(f"{_HERE}.deployment_manage:pause", "Give no run of it to an agent for now."),
    "resume": Entry(f"{_HERE}.deployment_manage:resume", "Give its runs to agents again."),
    "delete": Entry(f"{_HERE}.deployment_manage:delete", "Delete a deployment; the history of its runs stays."),
}


@click.group("deployment", cls=CommandGroup, entries=ENTRIES)
def deployment() -> None:
    """Build deployments from flows as YAML, apply them, run, list, schedule, pause and delete them."""
