"""For tests of flows: run one without a control plane, and look at everything that it reported."""

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


def try_run(flow: Flow, **parameters: Any) -> TriedRun:
    """Run the flow to its end in this thread, as a run process would. What it raises is in the state."""
    reported = InMemoryReporter()
    info = FlowRunInfo(new_id(), "tried-run", flow.name)
    return TriedRun(run_flow(flow, parameters, reporter=reported, run=info), reported)
