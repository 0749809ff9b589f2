"""The state table, as the Python side knows it; the database's `state_transition` holds the same pairs.

Types decide what may happen, names say it to people ("Late" is a SCHEDULED run). The pair table exists here only so
that a test can compare it with the database pair by pair: no code reads a state, decides here and writes it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class StateType(StrEnum):
    """What a run or task run is doing, as far as the rules are concerned."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CRASHED = "CRASHED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        """True for the four types that nothing but an explicit retry leaves."""
        return self in FINAL


FINAL: Final = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED})
HELD: Final = frozenset({StateType.PENDING, StateType.RUNNING, StateType.CANCELLING})

_S = StateType

FLOW_RUN_TRANSITIONS: Final[dict[StateType, frozenset[StateType]]] = {
    # A pair of equal types renames the state: Scheduled -> Late, Running -> Retrying.
    _S.SCHEDULED: frozenset({_S.SCHEDULED, _S.PENDING, _S.CANCELLED}),
    _S.PENDING: frozenset({_S.RUNNING, _S.SCHEDULED, _S.FAILED, _S.CRASHED, _S.CANCELLING, _S.CANCELLED}),
    _S.RUNNING: frozenset(
        {_S.RUNNING, _S.COMPLETED, _S.FAILED, _S.CRASHED, _S.CANCELLING, _S.PAUSED, _S.SCHEDULED},
    ),
    # Held by a process that waits for a person, or by nobody.
    _S.PAUSED: frozenset(
        {_S.PAUSED, _S.SCHEDULED, _S.RUNNING, _S.CANCELLING, _S.CANCELLED, _S.FAILED, _S.CRASHED},
    ),
    _S.CANCELLING: frozenset({_S.CANCELLED, _S.CRASHED, _S.COMPLETED, _S.FAILED}),
    _S.COMPLETED: frozenset(),
    # Only by an explicit retry: named AwaitingRetry, with a key as its actor, as a new attempt.
    _S.FAILED: frozenset({_S.SCHEDULED}),
    _S.CRASHED: frozenset({_S.SCHEDULED}),
    _S.CANCELLED: frozenset(),
}

TASK_RUN_TRANSITIONS: Final[dict[StateType, frozenset[StateType]]] = {
    **FLOW_RUN_TRANSITIONS,
    # Tasks are not claimed: a task waiting for its retry starts by itself.
    _S.SCHEDULED: FLOW_RUN_TRANSITIONS[_S.SCHEDULED] | {_S.RUNNING},
    # A cached or skipped task completes without having run; one that a person has to start is paused before it ran.
    _S.PENDING: FLOW_RUN_TRANSITIONS[_S.PENDING] | {_S.COMPLETED, _S.PAUSED},
    # The end of a run ends its tasks at once; there is nobody left to ask them.
    _S.RUNNING: FLOW_RUN_TRANSITIONS[_S.RUNNING] | {_S.CANCELLED},
    _S.FAILED: frozenset(),
    _S.CRASHED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class State:
    """One row of a run's or task run's history.

    `number` counts accepted states from 1 without a gap; a state that was refused (`accepted` false) carries the
    number of the state that stood when it arrived. `actor` says who told it: "key:...", "agent:...", "run",
    "rescuer", ... `result` is where the result of a finished run lies, never the result.
    """

    number: int
    type: StateType
    name: str
    message: str
    at: datetime
    actor: str
    attempt_number: int | None
    accepted: bool
    result: Any = None
