"""The questions of one attempt at the control plane: put there, waited for by one thread, however many there are.

While one is open, a request is held there, and so an answer is here within a round trip. Heartbeats and events go on
beside it, by the reporter's thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from homeport.client.errors import ClientError, InvalidTransitionError, Refused
from homeport.client.outcomes import expect
from homeport.client.retries import retry_delay
from homeport.engine.cancellation import RunCancelled
from homeport.engine.pauses import RESUMED, TIMED_OUT, Question, Ticket
from homeport.runtime.finish import FOR_EVER
from homeport.runtime.run_client import ANSWER_SECONDS, RunClient
from homeport.runtime.wire import open_wire

if TYPE_CHECKING:
    from homeport.runtime.descriptor import RunDescriptor

HELD_SECONDS = ANSWER_SECONDS - 5.0
LONGEST_RETRY = 5.0
WITHDRAW_SECONDS = 10.0


class PauseDesk:
    """Asks for one attempt, with its run token."""

    def __init__(self, descriptor: RunDescriptor) -> None:
        self._url, self._token, self._attempt_id = descriptor.api_url, descriptor.run_token, descriptor.attempt_id
        self._lock = threading.Lock()
        self._open: dict[str, Ticket] = {}
        self._known = 0
        self._waits = False

    def put(self, question: Question) -> Ticket:
        """The run is PAUSED when this returns, or its place was answered before.

        However long the control plane is away, it is asked again. Raises RunCancelled if the run is to stop, and what
        the control plane refuses as it comes (InvalidInputError, InvalidTransitionError).
        """
        id = str(uuid4())
        asked = {
            "attemptId": self._attempt_id,
            "pauseId": id,
            "key": question.key,
            "message": question.message,
            "inputSchema": question.schema,
            "timeoutSeconds": question.timeout,
            "suspends": question.suspends,
            "taskRunId": None if question.task_run_id is None else str(question.task_run_id),
        }
        ticket = Ticket(question, withdraw=lambda: self._withdraw(id))
        with self._lock:  # before it is asked for: the answer may be quicker than we are
            self._open[id] = ticket
        try:
            pause = self._ask("pauseAttempt", {name: value for name, value in asked.items() if value is not None})
        except BaseException as error:
            self._forget(id)
            if isinstance(error, InvalidTransitionError) and error.state_type == "CANCELLING":
                raise RunCancelled() from None
            raise
        if pause["outcome"] is not None:
            self._forget(id)
            ticket.settle(pause["outcome"], pause["input"])
        elif question.suspends:
            self._forget(id)
        else:
            self._wait()
        return ticket

    def _ask(self, operation: str, input: dict[str, Any]) -> dict[str, Any]:
        with closing(RunClient(open_wire(self._url), self._token)) as client:
            data = client.execute(operation, {"input": input}, retry_for=FOR_EVER)
        pause: dict[str, Any] = expect(data[operation], "AttemptPaused")["pause"]
        return pause

    def _forget(self, id: str) -> Ticket | None:
        with self._lock:
            return self._open.pop(id, None)

    def _withdraw(self, id: str) -> None:
        """Says that nobody waits there any more, without keeping the code that goes on."""
        if self._forget(id) is not None:
            threading.Thread(target=self._tell_withdrawn, args=(id,), name="homeport-withdraws", daemon=True).start()

    def _tell_withdrawn(self, id: str) -> None:
        with closing(RunClient(open_wire(self._url), self._token)) as client:
            _quietly(
                lambda: client.execute(
                    "withdrawPause",
                    {"input": {"attemptId": self._attempt_id, "pauseId": id}},
                    retry_for=WITHDRAW_SECONDS,
                )
            )

    def _wait(self) -> None:
        with self._lock:
            if self._waits:
                return
            self._waits = True
        threading.Thread(target=self._watch, name="homeport-pauses", daemon=True).start()

    def _watch(self) -> None:
        """Hold a request until there is news, as long as anything is open. A superseded attempt is ended elsewhere."""
        failures = 0
        pause = threading.Event()
        with closing(RunClient(open_wire(self._url), self._token)) as client:
            while self._goes_on():
                asked = {"attemptId": self._attempt_id, "known": self._known, "waitSeconds": HELD_SECONDS}
                try:
                    answer = client.execute("awaitResume", {"input": asked})["awaitResume"]
                    ended = expect(answer, "PausesEnded")["pauses"]
                except ClientError as error:
                    failures += 1
                    # The reporter's thread is told the same, and stops this process where that is to be done.
                    delay = None if isinstance(error, Refused) else retry_delay(error, failures, longest=LONGEST_RETRY)
                    pause.wait(LONGEST_RETRY if delay is None else delay)
                    continue
                failures = 0
                self._known = max(self._known, len(ended))
                for one in ended:
                    # What was abandoned was withdrawn, or the run is being stopped: its code learns that otherwise.
                    if one["outcome"] in {RESUMED, TIMED_OUT} and (ticket := self._forget(one["id"])) is not None:
                        ticket.settle(one["outcome"], one["input"])

    def _goes_on(self) -> bool:
        with self._lock:
            self._waits = bool(self._open)
            return self._waits


def _quietly(call: Callable[[], object]) -> None:
    try:
        call()
    except ClientError:
        return  # the run has ended, and its pauses with it
