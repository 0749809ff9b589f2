"""Where a run begins: the flow, its parameters, whom to tell, and what the run is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from homeport.engine.reporting import Reporter
    from homeport.engine.states import State
    from homeport.flows import Flow


@dataclass(frozen=True, slots=True)
class FlowRunInfo:
    """What user code can read about its run in homeport.context."""

    id: UUID
    name: str
    flow_name: str
    attempt_number: int = 1
    deployment_name: str = ""
    project_name: str = ""
    labels: tuple[str, ...] = ()
    scheduled_at: datetime | None = None
    api_url: str = ""


def run_flow(flow: Flow, parameters: dict[str, Any], *, reporter: Reporter, run: FlowRunInfo) -> State:
    """Run the flow to its end in this thread, and return its final state.

    Exceptions of user code and refused parameters are states, not exceptions. RunCancelled, raised in this thread by
    whoever has to stop the run, becomes the state CANCELLED after user code's `finally` blocks ran.
    """
    raise NotImplementedError
