"""`homeport flow-run`: runs one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from homeport.cli import lists, states, times
from homeport.cli.groups import CommandGroup, Entry
from homeport.cli.printing import DataCommand, record
from homeport.cli.run_list import RUN_FIELDS, run_filters, show_runs
from homeport.cli.session import Session, pass_session, say

INSPECT_FIELDS = (
    "id", "name", "state", "states", "attempts", "parameters", "labels", "queue", "agent", "attemptNumber", "flow",
    "flowVersion", "deployment", "project", "onLost", "cancelRequestedAt", "taskRunCounts", "createdAt", "createdBy",
    "scheduledAt", "startedAt", "finishedAt", "parentFlowRunId", "parentTaskRunId", "pauses",
)  # fmt: skip


SENT_ON_FIELDS = ("id", "name", "state", "queue", "attemptNumber", "scheduledAt", "flow", "project")


@click.group(
    "flow-run",
    cls=CommandGroup,
    entries={
        "logs": Entry("homeport.cli.flow_run_logs:logs", "Show or follow a run's log."),
        "watch": Entry("homeport.cli.flow_run:watch", "Show states and log lines until a run ends."),
        "explain": Entry("homeport.cli.explain:explain", "Say why a run is not running yet."),
    },
)
def flow_run() -> None:
    """List, inspect, follow, cancel, resume and retry runs."""


@flow_run.command("ls", cls=DataCommand, fields=RUN_FIELDS)
@run_filters
@pass_session
def ls(session: Session, /, fields: str | None, **filters: Any) -> None:
    """List flow runs, the newest first.

    \b
    homeport flow-run ls --state failed --since 1d
    homeport flow-run ls --flow prices --json id,name,state.name
    """
    show_runs(session, fields, **filters)


@flow_run.command("inspect", cls=DataCommand, fields=INSPECT_FIELDS)
@click.argument("run", metavar="RUN")
@pass_session
def inspect(session: Session, run: str, fields: str | None) -> None:
    """Show everything about RUN: its states, attempts, parameters."""
    show_run(session, run, fields)


@flow_run.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@pass_session
def cancel(session: Session, runs: tuple[str, ...]) -> None:
    """Cancel runs: waiting ones at once, running ones by asking their process to stop."""
    from homeport.client import expect

    # All of them are found before one is cancelled: a word that means nothing, or several runs, changes nothing.
    for id in [lists.run_id(session, run) for run in runs]:
        answer = session.execute("cancelFlowRun", {"input": {"id": id}})
        stands = expect(answer["cancelFlowRun"], "FlowRunCancelled")["flowRun"]
        say(f"Flow run {stands['name']}: {states.styled(stands['state'])}")


@flow_run.command(cls=DataCommand, fields=SENT_ON_FIELDS)
@click.argument("run", metavar="RUN")
@click.option("--input", "-i", "pairs", metavar="NAME=VALUE", multiple=True, help="A field of what the run waits for.")
@click.option("--input-json", metavar="OBJECT", help="All of it, as one JSON object.")
@click.option(
    "--input-file", metavar="FILE", type=click.Path(path_type=Path), help="All of it, as a file with a JSON object."
)
@click.option("--key", metavar="KEY", help="Which pause is meant, where RUN waits at more than one.")
@pass_session
def resume(
    session: Session,
    run: str,
    pairs: tuple[str, ...],
    input_json: str | None,
    input_file: Path | None,
    key: str | None,
    fields: str | None,
) -> None:
    """Send a paused RUN on, with the input that it waits for; or a held one, as its next attempt.

    \b
    homeport flow-run resume wandering-gecko
    homeport flow-run resume wandering-gecko -i approved=true -i 'note=go on'
    """
    from homeport.cli.resuming import given_input

    id = lists.run_id(session, run)
    given: dict[str, Any] = {"id": id}
    if key is not None:
        given["key"] = key
    if (input := given_input(session, id, pairs, input_json, input_file, key)) is not None:
        given["input"] = input
    _send_on(session, given, "resumeFlowRun", "FlowRunResumed", fields)


@flow_run.command(cls=DataCommand, fields=SENT_ON_FIELDS)
@click.argument("run", metavar="RUN")
@pass_session
def retry(session: Session, run: str, fields: str | None) -> None:
    """Try a failed or crashed RUN again, as its next attempt."""
    _send_on(session, {"id": lists.run_id(session, run)}, "retryFlowRun", "FlowRunRetried", fields)


def _send_on(session: Session, given: dict[str, Any], operation: str, member: str, fields: str | None) -> None:
    from homeport.client import expect

    answer = session.execute(operation, {"input": given})
    stands = expect(answer[operation], member)["flowRun"]
    if fields is not None:
        record(stands, [], fields)
        return
    say(f"Flow run {stands['name']}: {states.styled(stands['state'])}")
    say(f"Next: homeport flow-run watch {stands['id']}")


@click.command("watch", cls=DataCommand)
@click.argument("run", metavar="RUN")
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop watching after so long, with exit code 6.")
@pass_session
def watch(session: Session, run: str, timeout: float | None, fields: str | None) -> int:
    """Show states and log lines until RUN ends; the exit code tells how."""
    from homeport.cli.watch import Watch

    return Watch(session, lists.run_id(session, run), fields=fields, timeout=timeout).show()


def _waits_for(run: dict[str, Any]) -> list[tuple[str, Any]]:
    """A row for each open pause: since when and until when, and what has to be given."""
    from homeport.cli.resuming import asked_fields

    rows: list[tuple[str, Any]] = []
    for pause in run["pauses"]:
        if pause["outcome"] is None:
            until = f", until {times.local(pause['expiresAt'])}" if pause["expiresAt"] else ""
            wanted = "; ".join(asked_fields(pause["inputSchema"])) or "nothing but somebody's word"
            message = f" ({pause['message']})" if pause["message"] else ""
            rows.append(
                ("Waits for", f"{pause['key']}{message}: {wanted}; since {times.local(pause['pausedAt'])}{until}")
            )
    return rows


def show_run(session: Session, ref: str, fields: str | None) -> None:
    """Print one run."""
    from homeport.cli.watch import counted

    run = lists.flow_run(session, ref)
    attempts = [
        f"{attempt['number']}: {attempt['outcome'] or 'not finished'}"
        f"{' (superseded)' if attempt['superseded'] else ''}"
        f"{' on ' + attempt['agent']['name'] if attempt['agent'] else ''}"
        for attempt in run["attempts"]
    ]
    history = [f"{times.clock(state['at'])} {state['name']}" for state in run["states"] if state["accepted"]]
    lines = [
        ("ID", run["id"]),
        ("Name", run["name"]),
        ("State", f"{run['state']['name']}{': ' + run['state']['message'] if run['state']['message'] else ''}"),
        *_waits_for(run),
        ("Flow", f"{run['flow']['name']} version {run['flowVersion']['number']}, project {run['project']['name']}"),
        ("Deployment", run["deployment"]["name"]),
        ("Parent", run["parentFlowRunId"]),
        ("Queue", run["queue"]),
        ("Labels", run["labels"]),
        ("Agent", (run["agent"] or {}).get("name")),
        ("Parameters", run["parameters"]),
        ("Task runs", counted(run["taskRunCounts"])),
        ("Attempts", "; ".join(attempts)),
        ("States", " → ".join(history)),
        ("Created", f"{times.local(run['createdAt'])} by {run['createdBy']}"),
        ("Started", times.local(run["startedAt"])),
        ("Finished", times.local(run["finishedAt"])),
        ("Took", times.between(run["startedAt"], run["finishedAt"])),
        ("Code", f"{run['flowVersion']['entrypoint']} of {run['flowVersion']['contentDigest']}"),
    ]
    record(run, lines, fields)
