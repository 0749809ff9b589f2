"""`homeport deployment ls, inspect, set-schedule, pause, delete, ...`: what is done with registered deployments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from homeport.cli import times
from homeport.cli.deployment_list import DEPLOYMENT_FIELDS, INSPECT_FIELDS, show_deployment, show_deployments
from homeport.cli.deployment_target import argument, find, project_option
from homeport.cli.printing import DataCommand
from homeport.cli.schedule_options import schedule_given, schedule_options
from homeport.cli.schedule_text import schedule_text
from homeport.cli.session import Session, pass_session, say


@click.command("ls", cls=DataCommand, fields=DEPLOYMENT_FIELDS)
@click.option("--project", "-p", help="Only of this project.")
@click.option("--flow", "-f", "--flow-name", "flow", help="Only of this flow.")
@click.option("--queue", "-q", help="Only those that this work queue gets.")
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 100_000))
@pass_session
def ls(session: Session, /, limit: int, fields: str | None, **filters: Any) -> None:
    """List deployments."""
    show_deployments(session, fields, limit, **filters)


@click.command(cls=DataCommand, fields=INSPECT_FIELDS)
@argument
@project_option
@pass_session
def inspect(session: Session, deployment: str, project: str | None, fields: str | None) -> None:
    """Show everything about a deployment."""
    found = find(session, deployment, project)
    whole = session.execute("deployment", {"id": found["id"]})["deployment"] or find(session, deployment, project)
    show_deployment(whole, fields)


@click.command("set-schedule", cls=DataCommand, fields=INSPECT_FIELDS)
@argument
@project_option
@schedule_options
@pass_session
def set_schedule(session: Session, /, deployment: str, project: str | None, fields: str | None, **given: Any) -> None:
    """Set when its runs are due. Applying its YAML sets what the YAML says."""
    from homeport.deployments.schedule_forms import to_clocks

    said = schedule_given(given)
    if said is None:
        raise click.UsageError("There is no schedule.\nhint: Give --cron, --interval or --rrule.")
    changed = _update(session, find(session, deployment, project), schedule=to_clocks(said))
    say(f"{_name(changed)} runs: {schedule_text(changed)}", fg="green")
    for moment in changed["upcoming"]:
        say(f"  {times.local(moment)}")
    _shown(session, changed, fields)


def _changing(command: str, about: str, told: Callable[[str, dict[str, Any]], str], **changes: Any) -> click.Command:
    """A command that sets these fields of a deployment, and tells so of its name and of what it is now."""

    @click.command(command, cls=DataCommand, fields=INSPECT_FIELDS, help=about)
    @argument
    @project_option
    @pass_session
    def change(session: Session, deployment: str, project: str | None, fields: str | None) -> None:
        changed = _update(session, find(session, deployment, project), **changes)
        say(told(_name(changed), changed))
        _shown(session, changed, fields)

    return change


clear_schedule = _changing(
    "clear-schedule",
    "Take its schedule away: it runs only when asked to.",
    lambda name, _: f"{name} has no schedule.",
    clearSchedule=True,
)
pause_schedule = _changing(
    "pause-schedule",
    "Let its schedule make no runs for now; others may still be created.",
    lambda name, _: f"Paused the schedule of {name}.",
    scheduleActive=False,
)
resume_schedule = _changing(
    "resume-schedule",
    "Let its schedule make runs again. Times that passed meanwhile are left out.",
    lambda name, now: f"Resumed the schedule of {name}{'' if now['schedule'] else ', which has none yet'}.",
    scheduleActive=True,
)
pause = _changing(
    "pause",
    "Give no run of it to an agent, and make none of its schedule, until it is resumed.",
    lambda name, _: f"Paused {name}.",
    paused=True,
)
resume = _changing("resume", "Give its runs to agents again.", lambda name, _: f"Resumed {name}.", paused=False)


@click.command()
@argument
@project_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_session
def delete(session: Session, deployment: str, project: str | None, yes: bool) -> None:
    """Delete a deployment and cancel its waiting runs. What agents hold goes on; the history of its runs stays."""
    from homeport.client import expect

    found = find(session, deployment, project)
    session.confirm(f"Delete the deployment {_name(found)} and cancel its waiting runs?", yes=yes)
    done = expect(
        session.execute("deleteDeployment", {"input": {"id": found["id"]}})["deleteDeployment"], "DeploymentDeleted"
    )
    cancelled = f" Cancelled {done['cancelled']} waiting runs." if done["cancelled"] else ""
    say(f"Deleted {_name(found)}.{cancelled}", fg="green")


def _update(session: Session, found: dict[str, Any], **changes: Any) -> dict[str, Any]:
    from homeport.client import expect

    answer = session.execute("updateDeployment", {"input": {"id": found["id"], **changes}})
    return dict(expect(answer["updateDeployment"], "DeploymentUpdated")["deployment"])


def _shown(session: Session, changed: dict[str, Any], fields: str | None) -> None:
    """Everything about it as it is now, for programs that asked."""
    if fields is not None:
        whole = session.execute("deployment", {"id": changed["id"]})["deployment"]
        show_deployment(whole or changed, fields)


def _name(node: dict[str, Any]) -> str:
    return f"{node['flow']['name']}/{node['name']}"
