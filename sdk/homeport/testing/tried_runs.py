"""A run for a test: its final state, and what it reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homeport.engine.ids import new_id
from homeport.engine.reporting import InMemoryReporter
from homeport.engine.run import FlowRunInfo, run_flow
from homeport.engine.states import State
from homeport.flows import Flow


@dataclass(frozen=True, slots=True)
class TriedRun:
    """A run that has ended: its final state, and what it reported."""

    state: State
    reported: InMemoryReporter

    @property
    def messages(self) -> list[str]:
        """Every log line, of the flow and of its tasks, in order."""
        return [line.message for line in self.reported.lines]

    def states_of(self, name: str) -> list[str]:
        """The names of the states that the task run of this name entered; of the first one where a task has several.

        Raises LookupError, which names the task runs there were.
        """
        found = self.reported.named(name)
        if not found:
            there = ", ".join(kept.name for kept in self.reported.task_runs.values()) or "none"
            raise LookupError(f"There was no task run {name!r}. There were: {there}.")
        return [state.name for state in found[0].states]


def try_run(flow: Flow, **parameters: Any) -> TriedRun:
    """Run the flow to its end in this thread, as a run process would. What it raises is in the state."""
    reported = InMemoryReporter()
    info = FlowRunInfo(new_id(), "tried-run", flow.name)
    return TriedRun(run_flow(flow, parameters, reporter=reported, run=info), reported)
