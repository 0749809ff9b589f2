"""What a run process asks of the control plane, with a run token that is good for one attempt and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homeport.client.errors import ClientError
from homeport.client.exchange import Answer, Wait, exchange
from homeport.client.messages import Request, build_request, decode_response
from homeport.client.outcomes import expect
from homeport.runtime.wire import Wire

ANSWER_SECONDS = 20.0
HOLE = "the batch goes here"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Up to which number the control plane has this attempt's events, and whether the run shall be cancelled."""

    mark: int
    cancel: bool


class RunClient:
    """Operations of one attempt over one wire; used by one thread at a time."""

    def __init__(
        self,
        wire: Wire,
        token: str,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire = wire
        self._token = token
        self._sleep = sleep
        self._clock = clock
        self._around_batch: tuple[str, Request, bytes, bytes] | None = None

    def begin(self, operation: str, variables: Mapping[str, Any]) -> None:
        """Send an operation without waiting for its answer."""
        self._wire.begin(build_request(operation, variables, self._token), ANSWER_SECONDS)

    def end(self, operation: str) -> dict[str, Any]:
        """The data that what was begun answers; raises the client's errors."""
        return _data(operation, self._wire.end())

    def execute(self, operation: str, variables: Mapping[str, Any], *, retry_for: float = 0.0) -> dict[str, Any]:
        """The data that the operation answers, asked again for `retry_for` seconds while there is no answer."""
        steps = exchange(operation, variables, key=self._token, retry_for=retry_for, clock=self._clock)
        step = next(steps)
        try:
            while True:
                if isinstance(step, Wait):
                    self._sleep(step.seconds)
                    step = next(steps)
                else:
                    self._wire.begin(step, ANSWER_SECONDS)
                    step = steps.send(self._wire.end())
        except StopIteration as done:
            data: dict[str, Any] = done.value
            return data

    def report(self, attempt_id: str, lines: Sequence[bytes]) -> Acknowledgement:
        """Send numbered events, already JSON; none is a heartbeat. Asks once; raises the client's errors."""
        _, request, before, after = self._frame(attempt_id)
        content = before + b",".join(lines) + after
        self._wire.begin(Request(request.headers, content), ANSWER_SECONDS)
        data = _data("reportEvents", self._wire.end())
        answer = expect(data["reportEvents"], "EventsAcknowledged")
        return Acknowledgement(int(answer["acknowledgedSeq"]), bool(answer["cancel"]))

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def _frame(self, attempt_id: str) -> tuple[str, Request, bytes, bytes]:
        """The request around a batch, built once: events are text already and are not encoded a second time."""
        if self._around_batch is None or self._around_batch[0] != attempt_id:
            variables = {"attemptId": attempt_id, "batch": {"events": [HOLE]}}
            request = build_request("reportEvents", variables, self._token)
            before, _, after = request.content.partition(f'"{HOLE}"'.encode())
            self._around_batch = (attempt_id, request, before, after)
        return self._around_batch


def _data(operation: str, answer: Answer | ClientError) -> dict[str, Any]:
    if isinstance(answer, Answer):
        return decode_response(operation, answer.status, answer.headers, answer.content)
    answer.operation = operation
    raise answer
