"""What the domain refuses, as one small tree; the edge turns each member into the union member of the same name.

DomainError                 the caller can handle it: message, and a hint with what to do
├── NotFound                nothing of that kind and reference in this tenant
├── Conflict                a name or an idempotency key is taken by something else
├── InvalidInput            fields were wrong; one FieldProblem each
│   └── InvalidCursor       a cursor that this server never handed out
├── InvalidTransition       the state table does not allow it
├── Fenced                  an attempt that is not the current one, or another instance of it
├── SessionSuperseded       another process registered the same agent
└── Unauthenticated         no such key, or a revoked, expired or mistyped one
DatabaseUnavailable         not the caller's fault: asking again later is safe
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong field: its path in the input ("parameters.name") and what is wrong with it."""

    path: str
    message: str


class DomainError(Exception):
    """The base of everything a caller of the domain is expected to handle."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotFound(DomainError):  # noqa: N818 - named as the member of the contract it becomes
    """There is nothing of that kind with that reference in the caller's tenant."""

    def __init__(self, kind: str, ref: object, *, hint: str | None = None) -> None:
        super().__init__(f"no {kind} {str(ref)!r}", hint=hint)
        self.kind = kind
        self.ref = str(ref)


class Conflict(DomainError):  # noqa: N818
    """The name or idempotency key belongs to something else."""


class InvalidInput(DomainError):  # noqa: N818
    """One or more fields of the input are wrong."""

    def __init__(self, message: str, *, fields: Sequence[FieldProblem] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.fields = tuple(fields)

    @classmethod
    def field(cls, path: str, message: str, *, hint: str | None = None) -> InvalidInput:
        """The error for a single wrong field."""
        return cls(f"{path}: {message}", fields=(FieldProblem(path, message),), hint=hint)


class InvalidCursor(InvalidInput):
    """The cursor was not handed out by this list."""

    def __init__(self) -> None:
        message = "not a cursor of this list"
        super().__init__(
            f"after: {message}",
            fields=(FieldProblem("after", message),),
            hint="pass the endCursor of the previous page unchanged, or leave it out to start over",
        )


class InvalidTransition(DomainError):  # noqa: N818
    """The state table does not lead from the present state to the wanted one."""

    def __init__(self, message: str, *, state_type: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.state_type = state_type


class Fenced(DomainError):  # noqa: N818
    """The attempt is not the current one, or another instance started it: stop, run no user code."""

    def __init__(self, message: str, *, attempt_number: int, current_attempt_number: int) -> None:
        super().__init__(message, hint="stop this process; it must not run user code or report any more")
        self.attempt_number = attempt_number
        self.current_attempt_number = current_attempt_number


class SessionSuperseded(DomainError):  # noqa: N818
    """Another process registered the same agent; this session must stop."""


class Unauthenticated(DomainError):  # noqa: N818
    """The key is unknown, mistyped, revoked or expired; the message never says more than the caller may know."""


class DatabaseUnavailable(Exception):  # noqa: N818
    """The database did not answer; nothing is known about the statement, and asking again is safe."""
