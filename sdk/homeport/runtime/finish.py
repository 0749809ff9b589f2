"""The final state, sent until the control plane has answered what stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from homeport.client.errors import FencedError, InvalidTransitionError, NotFoundError
from homeport.client.outcomes import expect
from homeport.engine.masking import masked
from homeport.runtime.run_client import RunClient
from homeport.runtime.source_lines import without_source

FOR_EVER = 10.0 * 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class FinalState:
    """How an attempt ended, as it is sent."""

    type: str
    name: str
    message: str
    at: datetime
    result: dict[str, Any] | None = None

    @classmethod
    def now(cls, type: str, message: str, *, name: str | None = None) -> FinalState:
        """A final state of this moment; its name is the type's own unless given."""
        return cls(type, name or type.capitalize(), message, datetime.now(UTC))

    def to_input(self) -> dict[str, Any]:
        """The GraphQL input FinalStateInput."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        sent = {"type": self.type, "name": self.name, "message": masked(without_source(self.message)), "at": at}
        # Left out where there is none: a control plane of before knows no such field.
        return sent if self.result is None else {**sent, "result": self.result}


@dataclass(frozen=True, slots=True)
class Finished:
    """What the control plane holds as this attempt's end: `accepted` says whether it is what was sent."""

    accepted: bool
    state_type: str
    message: str


def finish(
    client: RunClient, attempt_id: str, final: FinalState, *, instance: str | None = None, retry_for: float = FOR_EVER
) -> Finished:
    """Deliver the final state, however long the control plane is away.

    The first final state wins, so asking again after a lost answer is safe. Raises FencedError when the attempt was
    superseded, and other Refused errors as they come.
    """
    try:
        return _ask(client, attempt_id, final, instance, retry_for)
    except InvalidTransitionError as error:
        if final.type == "PAUSED" and error.state_type == "CANCELLING":
            stopped = FinalState("CANCELLED", "Cancelled", "Cancelled while it suspended.", final.at)
            return _ask(client, attempt_id, stopped, instance, retry_for)
        if final.type != "CANCELLED":
            raise
        # Ended by a signal that nobody asked the control plane for: not a cancelled run, then, but a crashed one.
        crashed = FinalState("CRASHED", "Crashed", final.message or error.message, final.at)
        return _ask(client, attempt_id, crashed, instance, retry_for)


def _ask(client: RunClient, attempt_id: str, final: FinalState, instance: str | None, retry_for: float) -> Finished:
    variables = {"input": {"attemptId": attempt_id, "state": final.to_input(), "instance": instance}}
    data = client.execute("finishAttempt", variables, retry_for=retry_for)
    answer = expect(data["finishAttempt"], "AttemptFinished")
    return Finished(bool(answer["accepted"]), str(answer["state"]["type"]), str(answer["state"]["message"]))


NOTHING_TO_DO = (FencedError, NotFoundError, InvalidTransitionError)
"""Answers after which this attempt's process has nothing left to say."""

__all__ = ["NOTHING_TO_DO", "FinalState", "Finished", "finish"]
