"""The list of flow runs, and the options that choose from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from homeport.cli import lists, near_names, states, times
from homeport.cli.printing import Column, rows
from homeport.cli.session import Session

RUN_FIELDS = (
    "id", "name", "state", "flow", "project", "queue", "labels", "agent", "attemptNumber", "createdAt", "scheduledAt",
    "startedAt", "finishedAt",
)  # fmt: skip


class Moment(click.ParamType[datetime]):
    """A time, or an age such as 10m."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time; a usage error that says what was expected."""
        if isinstance(value, datetime):
            return value
        try:
            return times.moment(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def run_filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that lists flow runs."""
    for option in reversed(
        (
            click.option("--state", "-s", "state", multiple=True, help="A state's type or name; may be repeated."),
            click.option("--project", "-p", help="Only of this project."),
            click.option("--flow", "-f", help="Only of this flow."),
            click.option("--queue", "-q", help="Only of this work queue."),
            click.option("--label", "-l", "labels", multiple=True, help="Only with this label."),
            click.option("--name", help="Only names that contain this."),
            click.option("--since", type=Moment(), help="Only created after a time, or in the last 10m, 2h, 1d."),
            click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 100_000)),
        )
    ):
        command = option(command)
    return command


def show_runs(
    session: Session,
    fields: str | None,
    *,
    state: tuple[str, ...],
    project: str | None,
    flow: str | None,
    queue: str | None,
    labels: tuple[str, ...],
    name: str | None,
    since: datetime | None,
    limit: int,
) -> None:
    """Print the runs that pass the filters, the newest first."""
    chosen = {
        # COMPLETED and Completed are one; Late and AwaitingRetry are names that a type does not tell.
        "stateTypes": [word.upper() for word in state if word.upper() in states.TYPES],
        "stateNames": [word for word in state if word.upper() not in states.TYPES],
        "project": project,
        "flow": flow,
        "queue": queue,
        "labels": list(labels),
        "nameContains": name,
        "createdAfter": since,
    }
    nodes = lists.shown(session, "flowRuns", limit, chosen)
    columns = [
        Column("id", lambda run: run["id"]),
        Column("name", lambda run: run["name"], may_shrink=True),
        Column("state", lambda run: run["state"]["name"], colour=lambda run: states.colour(run["state"])),
        Column("flow", lambda run: run["flow"]["name"], may_shrink=True),
        Column("project", lambda run: run["project"]["name"], may_shrink=True, may_go=True),
        Column("queue", lambda run: run["queue"], may_shrink=True, may_go=True),
        Column("agent", lambda run: (run["agent"] or {}).get("name"), may_shrink=True, may_go=True),
        Column("created", lambda run: times.ago(run["createdAt"])),
        Column("ran", lambda run: times.between(run["startedAt"], run["finishedAt"]), may_go=True),
    ]
    none = "" if nodes else near_names.unknown(session, project=project, flow=flow, work_queue=queue)
    names = ", ".join(repr(word) for word in state if word.upper() not in states.TYPES)
    about = f" No type of state is called {names}; as a name of one it was not found." if names else ""
    rows(nodes, columns, fields, none=none or f"No flow runs.{about}")
