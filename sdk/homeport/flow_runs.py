"""A run that waits for a person: `pause_flow_run` waits in its process, `suspend_flow_run` lets the process go.

Either returns what was given: to `resume_flow_run`, to `homeport flow-run resume`, or on the terminal where it runs.
"""

# What is awaited in async code only is a value of "any type" as well: overloads overlap.
# mypy: disable-error-code="overload-overlap"

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, overload
from uuid import UUID

from homeport.client.outcomes import expect
from homeport.engine import current
from homeport.engine.drivers import Io, Steps, drive, drive_async
from homeport.engine.pauses import (
    TIMED_OUT,
    Answer,
    FlowPauseTimeout,
    NobodyToAsk,
    Question,
    SuspendRun,
    desk_of,
    told,
)
from homeport.runtime.connection import ask, none_awaited_in_async

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.input import RunInput, Wanted

    Given = TypeVar("Given", bound=RunInput)

    class Waiting(TypedDict, total=False):
        """How `suspend_flow_run` waits."""

        timeout: float | None
        key: str | None
        message: str

    class Pausing(Waiting, total=False):
        """How `pause_flow_run` waits."""

        poll_interval: float | None
        reschedule: bool


MOST_TRIES = 100
_COUNTED = "pause_flow_run()"


@overload
def pause_flow_run(wait_for_input: type[Given], **how: Unpack[Pausing]) -> Given: ...
@overload
def pause_flow_run(wait_for_input: None = ..., **how: Unpack[Pausing]) -> Awaitable[None]: ...
@overload
def pause_flow_run(wait_for_input: object, **how: Unpack[Pausing]) -> Any: ...
def pause_flow_run(
    wait_for_input: Any = None,
    *,
    timeout: float | None = 3600,
    poll_interval: float | None = None,
    key: str | None = None,
    message: str = "",
    reschedule: bool = False,
) -> Any:
    """Wait here until somebody resumes the run; what they gave, if `wait_for_input` says that they must give something.

    The process waits, and keeps its place on its machine: the run is PAUSED. `wait_for_input` is a type (`str`, `int`,
    `list[int]`, a pydantic model, a `RunInput`); what does not fit it is refused while it is given. `key` names this
    place in the flow, alike in each attempt; without one, places are counted: "pause-1", "pause-2". A place that was
    answered once is passed, with what was given there, when a retried run comes by again. `message` is shown to whoever
    is asked. `reschedule=True` is `suspend_flow_run`. `poll_interval` is taken because 2.x has it: the answer comes at
    once anyway.

    To be called in a flow, not in a task; to be awaited in an async flow. Raises FlowPauseTimeout after `timeout`
    seconds (None: never), NobodyToAsk where nobody could ever resume it.
    """
    return _paused(wait_for_input, timeout, key, message, suspends=reschedule)


@overload
def suspend_flow_run(wait_for_input: type[Given], **how: Unpack[Waiting]) -> Given: ...
@overload
def suspend_flow_run(wait_for_input: None = ..., **how: Unpack[Waiting]) -> Awaitable[None]: ...
@overload
def suspend_flow_run(wait_for_input: object, **how: Unpack[Waiting]) -> Any: ...
def suspend_flow_run(
    wait_for_input: Any = None,
    *,
    timeout: float | None = 3600,
    key: str | None = None,
    message: str = "",
) -> Any:
    """End this process, and go on in another once somebody resumes the run: nothing is held while it waits.

    The next attempt runs the flow from its beginning: tasks that keep their results (`persist_result=True`) are not
    called again, pauses that were answered are passed. What this returns there is as with `pause_flow_run`. Tasks that
    were submitted end first; then nothing of the flow runs any more, except its `finally` blocks. If nobody resumes it
    within `timeout` seconds (None: never), the run has FAILED.

    On a terminal, and in a test, there is no other process, and so it waits as `pause_flow_run` does. Raises
    InvalidTransitionError for a run that no agent could go on with (one that is recorded, or `run --execute`).
    """
    return _paused(wait_for_input, timeout, key, message, suspends=True)


@none_awaited_in_async
def resume_flow_run(flow_run_id: str | UUID, run_input: Any = None, *, key: str | None = None) -> None:
    """Send a paused run on, with the input that it waits for: a mapping, a `RunInput`, or the plain value of a `str`.

    `key` says which pause is meant, where the run waits at more than one. A run may resume others of its project, with
    its own token. Raises NotFoundError, InvalidInputError (its `fields` say what does not fit), InvalidTransitionError
    (it does not wait), NotConnected.
    """
    asked = {"id": str(flow_run_id), "key": key, "input": _as_json(run_input)}
    given = {name: value for name, value in asked.items() if value is not None}
    expect(ask("resumeFlowRun", {"input": given})["resumeFlowRun"], "FlowRunResumed")


def _paused(wait_for_input: Any, timeout: float | None, key: str | None, message: str, *, suspends: bool) -> Any:
    name = "suspend_flow_run" if suspends else "pause_flow_run"
    run = current.flow_run.get()
    if run is None:
        raise RuntimeError(f"{name}() is for the code of a flow: no flow runs here.")
    if current.task_run.get() is not None:
        raise RuntimeError(f"{name}() is for the code of a flow. In a task, pause_task() waits for somebody's word.")
    if suspends and run.inside_task:
        raise RuntimeError("suspend_flow_run() ends the flow around it, which a subflow that a task called cannot do.")
    if timeout is not None and timeout <= 0:
        raise ValueError(f"timeout must be more than 0 seconds, or None for no limit; found {timeout!r}.")
    wanted: Wanted[Any] | None = None
    if wait_for_input is not None:
        from homeport.input import Wanted

        wanted = Wanted.of(wait_for_input)
    steps = _steps(run, wanted, _place(run, key), timeout, message, suspends)
    return drive(steps) if asyncio.events._get_running_loop() is None else drive_async(steps)


def _place(run: FlowRun, key: str | None) -> str:
    if key is not None:
        return key
    inside = run.identity.strip("/")
    number = run.next_number(_COUNTED) + 1
    return f"{inside}/pause-{number}" if inside else f"pause-{number}"


def _steps(
    run: FlowRun, wanted: Wanted[Any] | None, place: str, timeout: float | None, message: str, suspends: bool
) -> Steps:
    desk = desk_of(run)
    if desk is None:
        raise NobodyToAsk(
            f"Flow run {run.name!r} cannot wait at {place!r}: nobody can be asked here. Run it on a terminal, on an "
            "agent, with HOMEPORT_RECORD_RUNS=PROJECT (then it is resumed at the control plane), or answer it in a "
            "test: homeport.testing.answering()."
        )
    schema = None if wanted is None else wanted.schema()
    message = message or ("" if wanted is None else wanted.description)
    key = place
    for again in range(1, MOST_TRIES + 1):
        ticket = yield Io(desk.put, Question(key, message, schema, timeout, suspends))
        if ticket.outcome is None:
            run.log("INFO", told(ticket.question, str(run.root.id)))
            if suspends:
                raise SuspendRun(key)
            yield Answer(ticket)
        if ticket.outcome == TIMED_OUT:
            within = "in time" if timeout is None else f"within {timeout:g} s"
            raise FlowPauseTimeout(f"Flow run {run.name!r} was paused at {key!r}, and nobody resumed it {within}.")
        if wanted is None:
            return None
        try:
            return wanted.value(ticket.input or {})
        except ValueError as error:
            # Only the code's own validators know this; whoever is asked again is told it.
            run.log("WARNING", f"What was given at {key!r} is refused: {error}")
            message, key = f"Once more, please. {error}"[:1000], f"{place} (again {again})"
    raise ValueError(f"What was given at {place!r} was refused {MOST_TRIES} times.")


def _as_json(run_input: Any) -> Any:
    if run_input is None:
        return None
    if isinstance(run_input, Mapping):
        return dict(run_input)
    if hasattr(run_input, "model_dump"):
        return run_input.model_dump(mode="json")
    return {"value": run_input}
