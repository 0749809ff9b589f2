"""Where a run begins: the flow, its parameters, whom to tell, and what the run is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from homeport.engine.cancellation import RunCancelled
from homeport.engine.drivers import drive, drive_async
from homeport.engine.flow_runs import FlowRun

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
    flow_run = FlowRun(flow, run, reporter)
    try:
        return run_to_end(flow_run, parameters)
    except RunCancelled as error:
        return flow_run.final or flow_run.abandoned(error)


def run_to_end(flow_run: FlowRun, parameters: dict[str, Any]) -> State:
    """The final state; RunCancelled and KeyboardInterrupt are handed on once the run has recorded them."""
    if not flow_run.is_async:
        state: State = drive(flow_run.steps(parameters))
        return state
    import asyncio

    if asyncio.events._get_running_loop() is None:
        return _on_own_loop(flow_run, parameters)
    # A loop runs in this thread (a notebook's): the flow gets a thread with a loop of its own.
    from homeport.engine.timeouts import in_thread

    in_thread(_on_own_loop, flow_run, parameters)
    assert flow_run.final is not None
    return flow_run.final


def _on_own_loop(flow_run: FlowRun, parameters: dict[str, Any]) -> State:
    import asyncio

    async def main() -> State:
        flow_run.places.stand_on_loop()
        asyncio.get_running_loop().set_exception_handler(_cancel_on_lost_signal(flow_run))
        state: State = await drive_async(flow_run.steps(parameters))
        return state

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise RunCancelled() from None


def _cancel_on_lost_signal(flow_run: FlowRun) -> Callable[[Any, dict[str, Any]], object]:
    """asyncio swallows a RunCancelled that a signal raised in one of its callbacks; here it cancels the run."""

    def handle(loop: Any, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), RunCancelled) and flow_run.places.cancel_main is not None:
            flow_run.places.cancel_main()
        else:
            loop.default_exception_handler(context)

    return handle
