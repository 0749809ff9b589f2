"""What a task in a worker asks of the control plane: the process of its run asks, and passes the answer on.

So the run's token stays in that process, and a worker needs no way to the control plane. What travels, through the
cluster's own channels, is the question and its answer.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from homeport.engine.trips import Trip

Ask = Callable[[bytes], bytes]
"""In a worker: the answer to a question, waited for."""

# A worker speaks for user code, and not for the run: it can neither report its states nor end it.
MAY_BE_ASKED = frozenset({
    "keyValue", "keyValues", "setKeyValue", "deleteKeyValue",
    "createArtifact", "updateArtifact", "deleteArtifact",
    "createFlowRun", "childRun", "childTaskRuns", "flowRunLogLines",
})  # fmt: skip
KEEP = "keep"
"""Asked of the process of the run itself: keep these bytes of an artifact where the run's results are kept."""
_DATA, _RAISED = b"+", b"-"


class Mail(Protocol):
    """What goes to the workers of a cluster with each group of calls, so that these can ask."""

    def line(self) -> Callable[[int, bytes], bytes]:
        """In the thread that makes the calls: what answers a question of the call with this number."""


def ask_by(ask: Ask, operation: str, variables: Mapping[str, Any], retry_for: float) -> dict[str, Any]:
    """In a worker: the data that the operation answers. Raises what it raised in the process of the run."""
    from homeport.engine.pickling import loads

    answer = ask(json.dumps([operation, variables, retry_for], default=str).encode())
    if answer[:1] == _RAISED:
        error: BaseException = loads(answer[1:])[0]
        raise error
    data: dict[str, Any] = json.loads(answer[1:])
    return data


def answered(trip: Trip | None, question: bytes) -> bytes:
    """In the process of the run: the answer to what a call of this trip asked. Does not raise."""
    from homeport.engine.worker_bench import packed_error
    from homeport.runtime.connection import NotConnected, ask

    try:
        operation, variables, retry_for = json.loads(question)
        if operation not in MAY_BE_ASKED and operation != KEEP:
            raise NotConnected(f"A task in a worker cannot ask for {operation!r}.")
        if trip is None:
            raise NotConnected("The run does not wait for this call any more.")
        if operation == KEEP:
            data = _kept(trip, variables)
        else:
            # The trip's own context may be entered at this moment, by whoever cancels it.
            data = trip.context.copy().run(ask, operation, variables, retry_for=retry_for)
        return _DATA + json.dumps(data).encode()
    except Exception as error:
        return _RAISED + packed_error(error)


def _kept(trip: Trip, told: Mapping[str, Any]) -> dict[str, Any]:
    from homeport.stored_artifacts import Content, keep

    return keep(trip.task_run.run, UUID(told["id"]), Content(b64decode(told["content"]), told["mediaType"]))


def nobody(question: bytes) -> bytes:
    """The answer to a thread that asks when the call that started it has ended."""
    return answered(None, question)
