"""Runs in the calling process: of a flow on its own, and of a subflow in another's run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.engine import current
from homeport.engine.arguments import find_futures, resolve
from homeport.engine.console import ConsoleReporter
from homeport.engine.drivers import drive, drive_async
from homeport.engine.flow_runs import FlowRun
from homeport.engine.ids import new_id
from homeport.engine.run import FlowRunInfo, run_to_end
from homeport.engine.run_names import made_up_name
from homeport.runtime import recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeport.engine.reporting import Reporter
    from homeport.engine.states import State
    from homeport.flows import Flow
    from homeport.futures import Future


watcher: Callable[[FlowRunInfo], Reporter] | None = None
"""Whom runs that begin here are told to, instead of the console; set by the harness for tests."""


def call(flow: Flow, values: dict[str, Any], *, return_state: bool) -> Any:
    """Run the flow: in a run as its subflow, else on its own; its result, or a coroutine of it for an async flow."""
    __tracebackhide__ = True
    parent = current.flow_run.get()
    if flow.is_async and (parent is None or (parent.is_async and parent.places.in_loop())):
        return _call_async(flow, parent, values, return_state)
    state = run(flow, values) if parent is None else _subflow(flow, parent, _waited(values))
    return state if return_state else _outcome(state)


def run(flow: Flow, values: dict[str, Any]) -> State:
    """Run the flow on its own to its end, in this thread; its final state."""
    if watcher is None and (project := recorded.project()) is not None:
        return recorded.run(flow, values, project)
    return run_to_end(_on_its_own(flow), values)


async def _call_async(flow: Flow, parent: FlowRun | None, values: dict[str, Any], return_state: bool) -> Any:
    __tracebackhide__ = True  # of what the flow raises, a notebook and pytest show the user's own lines
    if parent is None:
        if watcher is None and (project := recorded.project()) is not None:
            state = await recorded.run_async(flow, values, project)
            return state if return_state else _outcome(state)
        flow_run = _on_its_own(flow)
    else:
        flow_run = _child(flow, parent)
        found: dict[Future[Any], bool] = {}
        find_futures(values, found)
        for future in found:
            await future.ended()
        values = resolve(values)
    flow_run.places.stand_on_loop()
    state = await drive_async(flow_run.steps(values))
    return state if return_state else _outcome(state)


def _subflow(flow: Flow, parent: FlowRun, values: dict[str, Any]) -> State:
    flow_run = _child(flow, parent)
    state: State = run_to_end(flow_run, values) if flow.is_async else drive(flow_run.steps(values))
    return state


def _waited(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[Future[Any], bool] = {}
    find_futures(values, found)
    for future in found:
        future.block()
        future.state.result()
    resolved: dict[str, Any] = resolve(values)
    return resolved


def _on_its_own(flow: Flow) -> FlowRun:
    name = made_up_name()
    info = FlowRunInfo(new_id(), name, flow.name)
    if watcher is not None:
        return FlowRun(flow, info, watcher(info))
    return FlowRun(flow, info, ConsoleReporter(name), is_local=True)


def _child(flow: Flow, parent: FlowRun) -> FlowRun:
    info = parent.info
    name = f"{flow.name}-{parent.next_number(flow.name)}"
    own = FlowRunInfo(
        new_id(), name, flow.name, info.attempt_number, info.deployment_name, info.project_name, info.labels,
        info.scheduled_at, info.api_url,
    )  # fmt: skip
    return FlowRun(flow, own, parent.reporter, parent=parent, is_local=parent.is_local)


def _outcome(state: State) -> Any:
    __tracebackhide__ = True
    from homeport.engine import state as older

    if isinstance(state, older.State):  # of a graph flow: the dict of its tasks' states
        return state if state.is_completed() else _raise_first(state)
    return state.result()


def _raise_first(state: Any) -> Any:
    from homeport.engine.states import UnsuccessfulRun

    errors = [one.data for one in state.data.values() if isinstance(one.data, BaseException)]
    raise errors[0] if errors else UnsuccessfulRun(state)
