"""Watching a run: states and log lines as they come, why it waits, how it ended and how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from homeport.cli import explain, states, task_summary, text, times
from homeport.cli.failures import FAILED, INTERRUPTED, TIMED_OUT
from homeport.cli.following import Follower, LinesSeen, RunSeen, Trouble
from homeport.cli.interrupts import heard
from homeport.cli.live_block import LiveBlock
from homeport.cli.log_lines import LinePrinter
from homeport.cli.printing import chosen
from homeport.cli.session import Session, say

BLOCKED_AFTER = 5.0
WAITING_AFTER = 10.0
ASK_AGAIN_AFTER = 10.0
REFRESH_SECONDS = 2.0
MOST_TASK_RUNS = 1000
WAITING = ("SCHEDULED", "PENDING")


class Watch:
    """Shows one run until it ends; `show()` returns the exit code."""

    def __init__(
        self,
        session: Session,
        run_id: str,
        *,
        fields: str | None = None,
        timeout: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._run_id = run_id
        self._fields = fields
        self._timeout = timeout
        self._clock = clock
        self._began = clock()
        self._run: Mapping[str, Any] = {}
        self._shown_states = 0
        self._lines = LinePrinter(fields)
        self._diagnose_at = self._began + BLOCKED_AFTER
        self._told: tuple[tuple[str, str], ...] | None = None
        self._progress = LiveBlock(wanted=fields is None)
        self._refresh_at = self._began
        self._tasks: list[str] = []

    def show(self) -> int:
        """Print until the run is final, the time is up, or Ctrl-C."""
        try:
            for update in heard(Follower(self._session.client, self._run_id).updates()):
                self._progress.clear()
                if isinstance(update, RunSeen):
                    self._show_states(update.run)
                elif isinstance(update, LinesSeen):
                    self._show_lines(update.lines)
                elif isinstance(update, Trouble):
                    say(update.message, fg="yellow")
                self._diagnose()
                self._show_progress()
                if self._timeout is not None and self._clock() - self._began > self._timeout and not self._is_final():
                    self._progress.clear()
                    say(f"Not finished within {self._timeout:g} s; the run goes on.", fg="yellow")
                    self._say_how_to_go_on()
                    return TIMED_OUT
        except KeyboardInterrupt:
            self._progress.clear()
            say("\nStopped watching; the run goes on.")
            self._say_how_to_go_on()
            return INTERRUPTED
        return self._conclude()

    def _is_final(self) -> bool:
        return bool(self._run) and self._run["state"]["type"] in states.FINAL

    def _show_lines(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Of a run that was begun before the watch, lines come first: then its states are put between them."""
        if self._run:
            self._lines.show(lines)
            return
        run = self._session.execute("flowRunProgress", {"id": self._run_id})["flowRun"]
        for line in lines:
            self._show_states(run, until=times.parse(line["at"]))
            self._lines.show([line])
        self._run = {}  # what it is now is told by whoever follows it

    def _show_states(self, run: Mapping[str, Any], *, until: datetime | None = None) -> None:
        self._run = run
        latest = {"attemptNumber": run["attemptNumber"], **run["state"], "accepted": True}
        for state in [*run["states"], latest]:
            if state["number"] <= self._shown_states or not state["accepted"]:
                continue
            if until is not None and (times.parse(state["at"]) > until or state["type"] in states.FINAL):
                return
            self._shown_states = state["number"]
            if self._fields is not None:
                click.echo(_json({"state": state}, self._fields))
                continue
            at = click.style(times.clock(state["at"]), dim=True) if sys.stdout.isatty() else state["at"]
            click.echo(f"{at}  {'state':<8}  {states.styled(state)}{_more(run, state)}")
            if state["type"] == "PAUSED" and state["number"] == run["state"]["number"]:
                self._say_how_to_resume()
        sys.stdout.flush()

    def _show_progress(self) -> None:
        """On a terminal: the state, for how long, and below it each task with its states, attempts and time."""
        if not self._progress.live or not self._run or self._is_final():
            return
        if self._clock() >= self._refresh_at:
            self._refresh_at = self._clock() + REFRESH_SECONDS
            self._tasks = self._tasks_now()
        since = times.ago(self._run["state"]["at"]).removesuffix(" ago")
        head = click.style(f"{self._run['state']['name']} for {since}", dim=True)
        self._progress.show([head, *(f"  {line}" for line in self._tasks)])

    def _tasks_now(self) -> list[str]:
        """The task tree; what was known before while the control plane does not answer."""
        from homeport.client import Unreachable

        try:
            run = self._session.client.execute("flowRunProgress", {"id": self._run_id}, timeout=2.0)["flowRun"]
            counts = dict(run["taskRunCounts"]) if run else {}
            return self._task_lines(counts, timeout=2.0)
        except Unreachable:
            return self._tasks

    def _diagnose(self) -> None:
        """After a while of waiting, say why: sooner when something is in the way, and again only when that changes."""
        if not self._run or self._run["state"]["type"] not in WAITING or self._clock() < self._diagnose_at:
            return
        from homeport.client import Unreachable

        self._diagnose_at = self._clock() + (
            WAITING_AFTER - BLOCKED_AFTER if self._clock() - self._began < WAITING_AFTER else ASK_AGAIN_AFTER
        )
        try:
            diagnosis = explain.asked(self._session, self._run_id)
        except Unreachable:
            return
        early = self._clock() - self._began < WAITING_AFTER
        if (early and not explain.blocks(diagnosis)) or explain.gist(diagnosis) == self._told:
            return
        self._told = explain.gist(diagnosis)
        for line in explain.written(diagnosis):
            say(line)

    def _conclude(self) -> int:
        # Asked once more: the last update may have been made before the last task run was counted.
        run = self._session.execute("flowRunProgress", {"id": self._run_id})["flowRun"]
        if self._fields is not None:
            click.echo(_json({"run": {name: value for name, value in run.items() if name != "states"}}, self._fields))
        else:
            click.echo(f"\nFlow run {text.harmless(run['name'])} ended {states.styled(run['state'])}. {timings(run)}")
            self._show_task_runs(run["taskRunCounts"])
            self._show_root_cause()
        return 0 if run["state"]["type"] == "COMPLETED" else FAILED

    def _show_task_runs(self, counts: Mapping[str, int]) -> None:
        for line in self._task_lines(counts):
            click.echo(f"  {line}")

    def _task_lines(self, counts: Mapping[str, int], timeout: float | None = None) -> list[str]:
        """One line a task; of a run with very many task runs only their number."""
        if sum(counts.values()) > MOST_TASK_RUNS:
            return [f"Task runs: {counted(counts)}"]
        if not counts:
            return []
        asked = {"id": self._run_id, "first": MOST_TASK_RUNS, "filter": {}}
        patience = 1.0 if timeout is None else 0.0
        client = self._session.client
        data = client.execute("flowRunTaskRuns", asked, timeout=timeout, retry_for=patience)
        page = data["flowRun"]["taskRuns"]
        return task_summary.lines(page["nodes"])

    def _show_root_cause(self) -> None:
        state = self._run["state"]
        if state["type"] == "COMPLETED":
            return
        if state["message"]:
            click.echo(f"  {text.harmless(state['message'])}")
        failed = {"id": self._run_id, "first": 5, "filter": {"stateTypes": ["FAILED", "CRASHED"]}}
        for task_run in self._session.execute("flowRunTaskRuns", failed)["flowRun"]["taskRuns"]["nodes"]:
            message = text.harmless(task_run["state"]["message"])
            click.echo(f"  Task run {text.harmless(task_run['name'])}: {states.styled(task_run['state'])} {message}")
        say(f"Its log: homeport flow-run logs {self._run_id}")

    def _say_how_to_resume(self) -> None:
        """The command that sends a paused run on, with what it waits for."""
        from homeport.client import Unreachable

        try:
            mends = [check["mend"] for check in explain.asked(self._session, self._run_id)["checks"] if check["mend"]]
        except Unreachable:
            return
        for mend in mends:
            say(f"hint: {text.harmless(mend)}")

    def _say_how_to_go_on(self) -> None:
        say(f"hint: follow it again: homeport logs -f {self._run_id}")
        say(f"      cancel it:       homeport flow-run cancel {self._run_id}")


def timings(run: Mapping[str, Any]) -> str:
    """`Waited 0.42s, ran 12s (created 09:30:00 → started 09:30:00 → finished 09:30:12).`"""
    parts = []
    if run["startedAt"]:
        parts.append(f"waited {times.between(run['scheduledAt'], run['startedAt'])}")
        parts.append(f"ran {times.between(run['startedAt'], run['finishedAt'])}")
    steps = [("created", run["createdAt"]), ("started", run["startedAt"]), ("finished", run["finishedAt"])]
    walk = " → ".join(f"{name} {times.clock(at)}" for name, at in steps if at)
    return f"{', '.join(parts).capitalize()} ({walk})." if parts else f"It never started ({walk})."


def counted(counts: Mapping[str, int]) -> str:
    """`40 completed, 2 failed`."""
    return ", ".join(f"{count} {kind.lower()}" for kind, count in counts.items() if count)


def _more(run: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """What stands behind a state's name: who has it, or what it says."""
    if state["type"] == "PENDING" and run["agent"]:
        return (
            f" (agent {text.harmless(run['agent']['name'])}, attempt {state['attemptNumber'] or run['attemptNumber']})"
        )
    return f" - {text.harmless(state['message'])}" if state["message"] else ""


def _json(node: Mapping[str, Any], fields: str) -> str:
    import json

    return json.dumps(chosen(node, fields), ensure_ascii=False, separators=(",", ":"))
