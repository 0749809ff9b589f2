"""Runs of other flows: started, waited for, and their results read, from a run or from a program with a key.

A run does it with its own token, for flows of its own project. What it starts is shown as its child, and started once:
the idempotency key is made of the run and of the place in it, so that a retry finds the child again. One that failed
is started anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from homeport.client.errors import NotFoundError
from homeport.client.outcomes import expect
from homeport.engine import current
from homeport.engine.states import FINAL, State, StateType
from homeport.run_logging import logger_here
from homeport.runtime.connection import ask, recorded_run_id

UNSUCCESSFUL = ("FAILED", "CRASHED", "CANCELLED")
SHORTEST_POLL, LONGEST_POLL = 0.2, 3.0

_counting = threading.Lock()
_started: WeakKeyDictionary[Any, dict[str, int]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class FlowRunView:
    """A flow run as it was when it was looked at."""

    flow_run_id: str
    name: str
    flow_name: str
    deployment_name: str
    parameters: dict[str, Any]
    labels: tuple[str, ...]
    state: State

    @property
    def id(self) -> str:
        """Its id, under the 2.x name."""
        return self.flow_run_id

    def get_latest(self) -> FlowRunView:
        """The run as it is now."""
        return look(self.flow_run_id)

    if TYPE_CHECKING:

        def __await__(self) -> Generator[Any, None, FlowRunView]:
            """Only for the checkers: `run_deployment` gives one, and in async code a coroutine of one."""

    @classmethod
    def from_flow_run_id(cls, flow_run_id: str) -> FlowRunView:
        """The run of this id. Raises NotFoundError."""
        return look(flow_run_id)


def start(
    where: Mapping[str, Any],
    *,
    parameters: Mapping[str, Any] | None = None,
    labels: Iterable[str] | None = None,
    run_name: str | None = None,
    idempotency_key: str | None = None,
    scheduled_start_time: datetime | None = None,
    as_child: bool = True,
) -> str:
    """Create a run of the deployment that `where` names (deploymentId, flowId, or project and flow); its id.

    Raises NotFoundError, InvalidInputError for parameters that do not fit, ConflictError, NotConnected.
    """
    at = scheduled_start_time
    asked: dict[str, Any] = {
        **where,
        "parameters": dict(parameters or {}),
        "labels": None if labels is None else sorted(labels),
        "name": run_name,
        "scheduledAt": None if at is None else (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat(),
    }
    own = recorded_run_id()
    if own is None:
        return str(_create(asked | ({"idempotencyKey": idempotency_key} if idempotency_key else {}))["id"])
    task_run = current.task_run.get()
    place, again = _place()
    key = idempotency_key or f"child:{own}:{place}"
    asked |= {"idempotencyKey": key, "asChild": as_child, "taskRunId": str(task_run.id) if task_run else None}
    made = _create(asked)
    if idempotency_key is None and again and made["state"]["type"] in UNSUCCESSFUL:
        made = _create(asked | {"idempotencyKey": f"{key}:{again}"})
    return str(made["id"])


def look(flow_run_id: str) -> FlowRunView:
    """The run of this id as it is now. Raises NotFoundError (with a run token: also for one of another project)."""
    return _view(_child(flow_run_id))


def wait(
    flow_run_id: str,
    *,
    timeout: float | None = None,
    stream_states: bool = False,
    stream_logs: bool = False,
    poll_interval: float | None = None,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> FlowRunView:
    """Wait until the run has ended, or `timeout` seconds passed; the run as it is then. Raises NotFoundError."""
    logger = logger_here("flow_runs")
    deadline = None if timeout is None else clock() + timeout
    pause, shown, cursor = poll_interval or SHORTEST_POLL, 0, None
    while True:
        found = _child(flow_run_id)
        news = [state for state in found["states"] if state["accepted"] and state["number"] > shown]
        shown = max([shown, *(state["number"] for state in news)])
        if stream_logs:
            cursor = _show_lines(flow_run_id, found["name"], cursor)
        for state in news if stream_states else ():
            logger.info("Flow run %r: %s%s", found["name"], state["name"], f": {m}" if (m := state["message"]) else "")
        view = _view(found)
        if view.state.type in FINAL:
            return view
        left = None if deadline is None else deadline - clock()
        if left is not None and left <= 0:
            return view
        sleep(pause if left is None else min(pause, left))
        pause = poll_interval or min(pause * 1.5, LONGEST_POLL)


def task_result(flow_run_id: str, task_slug: str, map_index: int = -1) -> Any:
    """What a task of an ended run returned, read through the reference in its state; of a mapped task, the list.

    `task_slug` is the task's name, or the name of its task run ("extract-1" for its second). Raises LookupError where
    the run has no such task, or the task kept no result, and the errors of `homeport.results.read_result`.
    """
    from homeport.results import read_result

    nodes, after = [], None
    run = _child(flow_run_id)
    while True:
        page = ask("childTaskRuns", {"id": flow_run_id, "first": 500, "after": after})["flowRun"]["taskRuns"]
        nodes += [node for node in page["nodes"] if task_slug in (node["taskKey"], node["name"])]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    last = [node for node in nodes if node["attemptNumber"] == max(n["attemptNumber"] for n in nodes)]
    mapped = sorted((n for n in last if n["mapIndex"] is not None), key=lambda n: n["mapIndex"])
    if map_index >= 0:
        last = [node for node in mapped if node["mapIndex"] == map_index]
    if not last:
        which = f"{task_slug!r}" + (f" with map index {map_index}" if map_index >= 0 else "")
        raise LookupError(f"Flow run {run['name']!r} of {run['flow']['name']!r} has no task {which}.")
    values = [read_result(_reference(node, run)) for node in (mapped if mapped and map_index < 0 else last[:1])]
    return values if mapped and map_index < 0 else values[0]


def _reference(node: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    reference: dict[str, Any] | None = node["state"]["result"]
    if reference is None:
        raise LookupError(
            f"Task run {node['name']!r} of flow run {run['name']!r} is {node['state']['name']} and kept no result: "
            "declare the task with persist_result=True, in a storage that both runs reach."
        )
    return reference


def _create(asked: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in asked.items() if value is not None}
    made: dict[str, Any] = expect(ask("createFlowRun", {"input": given})["createFlowRun"], "FlowRunCreated")["flowRun"]
    return made


def _child(flow_run_id: str) -> dict[str, Any]:
    found: dict[str, Any] | None = ask("childRun", {"id": str(flow_run_id)})["flowRun"]
    if found is None:
        raise NotFoundError(
            f"There is no flow run {flow_run_id} that may be seen from here.",
            hint="A run sees the runs of its own project.",
        )
    return found


def _view(found: Mapping[str, Any]) -> FlowRunView:
    told = found["state"]
    state = State(
        StateType(told["type"]),
        told["name"],
        told["message"],
        datetime.fromisoformat(told["at"]),
        result_reference=told["result"],
    )
    return FlowRunView(
        found["id"],
        found["name"],
        found["flow"]["name"],
        found["deployment"]["name"],
        found["parameters"],
        tuple(found["labels"]),
        state,
    )


def _show_lines(flow_run_id: str, name: str, cursor: str | None) -> str | None:
    logger = logger_here("flow_runs")
    while True:
        page = ask("flowRunLogLines", {"id": flow_run_id, "first": 500, "after": cursor})["flowRun"]["logs"]
        for line in page["nodes"]:
            logger.info("Flow run %r | %s | %s", name, line["level"], line["message"])
            cursor = line["cursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return cursor


def _place() -> tuple[str, str]:
    """Where in its run this code stands, the same in every attempt; and which attempt it is, empty for the first."""
    run, task_run = current.flow_run.get(), current.task_run.get()
    assert run is not None, "only asked for in a run"
    name = task_run.name if task_run is not None else run.info.name if run.parent is not None else "flow"
    tried = task_run.run_count if task_run is not None else run.run_count
    with _counting:
        # A task or a flow that is tried again in this process begins to count anew.
        counts = _started.setdefault(run, {})
        number = counts.get(f"{name}:{tried}", 0)
        counts[f"{name}:{tried}"] = number + 1
    attempt = run.info.attempt_number
    return f"{name}:{number}", f"{attempt}.{tried}" if attempt > 1 or tried > 1 else ""
