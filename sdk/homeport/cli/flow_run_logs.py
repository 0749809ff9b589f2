"""`homeport flow-run logs` (and `homeport logs`): a run's log, whole, in parts, or as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import click

from homeport.cli import lists
from homeport.cli.failures import INTERRUPTED, NOT_FOUND, CommandError
from homeport.cli.log_lines import LEVELS, LINE_FIELDS, LineFilter, LinePrinter
from homeport.cli.printing import DataCommand
from homeport.cli.run_list import Moment
from homeport.cli.session import Session, pass_session, say

PAGE = 1000


@click.command(cls=DataCommand, fields=LINE_FIELDS)
@click.argument("run", metavar="RUN")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends.")
@click.option("--since", type=Moment(), help="Only after a time, or of the last 10m, 2h, 1d.")
@click.option("--level", type=click.Choice(LEVELS, case_sensitive=False), help="Only of this level and above.")
@click.option("--task", help="Only of task runs of this name, key or id.")
@click.option("--attempt", type=click.IntRange(1), help="Only of this attempt.")
@click.option("--grep", "contains", metavar="TEXT", help="Only lines that contain this text.")
@click.option("--head", type=click.IntRange(1), metavar="N", help="Only the first N.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N.")
@pass_session
def logs(
    session: Session,
    run: str,
    follow: bool,
    since: datetime | None,
    level: str | None,
    task: str | None,
    attempt: int | None,
    contains: str | None,
    head: int | None,
    tail: int | None,
    fields: str | None,
) -> int | None:
    """Show the log of RUN: an id, the start of one, a run's name, or the URL of its page.

    \b
    homeport logs -f wandering-gecko
    homeport logs wandering-gecko --level error --since 10m
    """
    if head is not None and (tail is not None or follow):
        raise click.UsageError("--head does not go with --tail or --follow.")
    run_id = lists.run_id(session, run)
    chosen = LineFilter(level, _tasks(session, run_id, task), attempt, contains, since)
    printer = LinePrinter(fields)
    if not follow:
        lines = stored(session, run_id, chosen)
        shown = printer.show(islice(lines, head) if tail is None else deque(lines, maxlen=tail))
        if not shown and fields is None and tail != 0:
            say("No log lines.", dim=True)
        return None
    return _follow(session, run_id, chosen, printer, tail)


def stored(session: Session, run_id: str, chosen: LineFilter) -> Iterator[dict[str, Any]]:
    """The stored lines that pass the filter, page by page."""
    after: str | None = None
    while True:
        variables = {"id": run_id, "first": PAGE, "after": after, "filter": chosen.asked()}
        run = session.execute("flowRunLogLines", variables)["flowRun"]
        if run is None:
            raise CommandError(f"There is no flow run {run_id!r}.", hint="homeport flow-run ls", code=NOT_FOUND)
        page = run["logs"]
        yield from (line for line in page["nodes"] if chosen.lets_through(line))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"] or not after:
            return


def _follow(session: Session, run_id: str, chosen: LineFilter, printer: LinePrinter, tail: int | None) -> int | None:
    from homeport.cli.following import Follower, LinesSeen, Trouble
    from homeport.cli.interrupts import heard

    after: str | None = None
    if tail is not None:
        past = list(stored(session, run_id, LineFilter()))
        printer.show(deque(filter(chosen.lets_through, past), maxlen=tail))
        after = past[-1]["cursor"] if past else None
    try:
        for update in heard(Follower(session.client, run_id, after=after).updates()):
            if isinstance(update, LinesSeen):
                printer.show(line for line in update.lines if chosen.lets_through(line))
            elif isinstance(update, Trouble):
                say(update.message, fg="yellow")
    except KeyboardInterrupt:
        say("\nStopped following; the run goes on.")
        return INTERRUPTED
    return None


def _tasks(session: Session, run_id: str, wanted: str | None) -> frozenset[str] | None:
    """The ids of the task runs that a name, a key or an id means."""
    if wanted is None:
        return None
    found, names = set(), set()
    after: str | None = None
    while True:
        answer = session.execute("flowRunTaskRuns", {"id": run_id, "first": PAGE, "after": after, "filter": {}})
        page = answer["flowRun"]["taskRuns"]
        for task_run in page["nodes"]:
            names.add(task_run["name"])
            if wanted in (task_run["id"], task_run["name"], task_run["taskKey"]):
                found.add(task_run["id"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"] or not after:
            break
    if not found:
        raise CommandError(
            f"The run has no task run {wanted!r}.",
            hint=f"Task runs: {', '.join(sorted(names)[:10])}" if names else "It has none yet.",
            code=NOT_FOUND,
        )
    return frozenset(found)
