"""What the pauses of flows are given in a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from homeport.engine import pauses
from homeport.engine.pauses import RESUMED, TIMED_OUT, NobodyToAsk, Question, Ticket


class _Nobody:
    def __repr__(self) -> str:
        return "NOBODY"


NOBODY: Any = _Nobody()
"""As an answer: nobody comes, and the time of the pause is over at once."""


class Answers:
    """The questions that were asked in the block, in their order."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self.asked: list[Question] = []

    def put(self, question: Question) -> Ticket:
        """The answered question. Raises NobodyToAsk where the test has no answer to it."""
        self.asked.append(question)
        if question.key not in self._given:
            keys = ", ".join(map(repr, self._given)) or "none"
            raise NobodyToAsk(f"This test answers no pause {question.key!r}; it answers: {keys}.")
        answer = self._given[question.key]
        ticket = Ticket(question)
        if answer is NOBODY:
            ticket.settle(TIMED_OUT)
        else:
            ticket.settle(RESUMED, _as_input(answer))
        return ticket


@contextmanager
def answering(given: Mapping[str, Any] | None = None, **more: Any) -> Iterator[Answers]:
    """Answer what flows ask in the block: by key ("pause-1", or the name of a paused task run) what is given there.

    An answer is a mapping, a `RunInput`, the plain value that a `str` or `int` is asked for, None for a pause that asks
    for nothing, or NOBODY. A pause that is not named raises NobodyToAsk.
    """
    answers = Answers({**(given or {}), **more})
    before, pauses.test_desk = pauses.test_desk, answers
    try:
        yield answers
    finally:
        pauses.test_desk = before


def _as_input(answer: Any) -> dict[str, Any] | None:
    if answer is None or isinstance(answer, Mapping):
        return None if answer is None else dict(answer)
    if hasattr(answer, "model_dump"):
        dumped: dict[str, Any] = answer.model_dump(mode="json")
        return dumped
    return {"value": answer}
