"""`homeport work-queue`: the lines that agents serve."""

from __future__ import annotations

import shlex
from typing import Any

import click

from homeport.cli import lists, near_names, times
from homeport.cli.failures import NOT_FOUND, CommandError
from homeport.cli.groups import CommandGroup
from homeport.cli.printing import Column, DataCommand, record, rows
from homeport.cli.session import Session, pass_session, say

QUEUE_FIELDS = (
    "id", "name", "description", "paused", "concurrencyLimit", "priority", "held", "scheduled", "createdAt",
)  # fmt: skip


@click.group("work-queue", cls=CommandGroup)
def work_queue() -> None:
    """Create, pause and limit work queues."""


@work_queue.command("ls", cls=DataCommand, fields=QUEUE_FIELDS)
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 100_000))
@pass_session
def ls(session: Session, limit: int, fields: str | None) -> None:
    """List work queues."""
    show_queues(session, limit, fields)


@work_queue.command(cls=DataCommand, fields=QUEUE_FIELDS)
@click.argument("name")
@click.option("--limit", "-l", type=click.IntRange(0), help="How many runs of it may be held at once.")
@click.option("--priority", "-p", type=click.IntRange(0), help="Smaller goes first.")
@click.option("--description", "-d", default="", help="What it is for.")
@pass_session
def create(
    session: Session, name: str, limit: int | None, priority: int | None, description: str, fields: str | None
) -> None:
    """Create the work queue NAME.

    \b
    homeport work-queue create nightly --limit 4
    homeport agent start -q nightly
    """
    from homeport.client import expect

    given: dict[str, Any] = {"name": name, "description": description}
    given |= {"concurrencyLimit": limit} if limit is not None else {}
    given |= {"priority": priority} if priority is not None else {}
    made = expect(session.execute("createWorkQueue", {"input": given})["createWorkQueue"], "WorkQueueCreated")
    if fields is not None:
        record(made["workQueue"], [], fields)
        return
    say(f"Created work queue {name}.", fg="green")
    say(f"Next: homeport agent start -q {shlex.quote(name)}")


@work_queue.command(cls=DataCommand, fields=QUEUE_FIELDS)
@click.argument("name")
@pass_session
def inspect(session: Session, name: str, fields: str | None) -> None:
    """Show the work queue NAME."""
    queue = session.execute("workQueue", {"name": name})["workQueue"]
    if queue is None:
        make = f"homeport work-queue ls    or: homeport work-queue create {shlex.quote(name)}"
        hint = near_names.hint(session, "work queue", name) or make
        raise CommandError(f"There is no work queue {name!r}.", hint=hint, code=NOT_FOUND)
    lines = [(column.header.capitalize(), column.cell(queue)) for column in _columns()]
    record(queue, [*lines, ("Description", queue["description"]), ("ID", queue["id"])], fields)


@work_queue.command()
@click.argument("name")
@pass_session
def pause(session: Session, name: str) -> None:
    """Give no run of NAME to an agent until it is resumed."""
    _update(session, name, paused=True)
    say(f"Paused work queue {name}.")


@work_queue.command()
@click.argument("name")
@pass_session
def resume(session: Session, name: str) -> None:
    """Give runs of NAME to agents again."""
    _update(session, name, paused=False)
    say(f"Resumed work queue {name}.")


@work_queue.command("set-concurrency-limit")
@click.argument("name")
@click.argument("limit", type=click.IntRange(0))
@pass_session
def set_concurrency_limit(session: Session, name: str, limit: int) -> None:
    """Let at most LIMIT runs of NAME be held by agents at once."""
    _update(session, name, concurrencyLimit=limit)
    say(f"At most {limit} runs of work queue {name} at once.")


@work_queue.command("clear-concurrency-limit")
@click.argument("name")
@pass_session
def clear_concurrency_limit(session: Session, name: str) -> None:
    """Remove the limit of NAME."""
    _update(session, name, clearConcurrencyLimit=True)
    say(f"Work queue {name} has no limit.")


def show_queues(session: Session, limit: int, fields: str | None) -> None:
    """Print the work queues."""
    nodes = lists.shown(session, "workQueues", limit)
    rows(nodes, _columns(), fields, none="No work queues. `homeport register` makes those that it names.")


def _columns() -> list[Column]:
    return [
        Column("name", lambda queue: queue["name"]),
        Column("paused", lambda queue: "paused" if queue["paused"] else ""),
        Column("limit", lambda queue: queue["concurrencyLimit"]),
        Column("priority", lambda queue: queue["priority"]),
        Column("held", lambda queue: queue["held"]),
        Column("waiting", lambda queue: queue["scheduled"]),
        Column("created", lambda queue: times.ago(queue["createdAt"])),
    ]


def _update(session: Session, name: str, **changes: Any) -> None:
    from homeport.client import expect

    answer = session.execute("updateWorkQueue", {"input": {"name": name, **changes}})
    expect(answer["updateWorkQueue"], "WorkQueueUpdated")
