"""What a caller is expected to handle, as members of a mutation's result; each is named as its domain error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry

from homeport_control_plane import errors
from homeport_control_plane.api.enums import StateType


@strawberry.interface
class Error:
    """What went wrong, and what to do about it."""

    message: str
    hint: str | None


@strawberry.type
class NotFound(Error):  # noqa: N818 - a type of the contract, raised by nobody
    kind: str
    ref: str


@strawberry.type(description="A name or an idempotency key is taken by something else.")
class Conflict(Error):  # noqa: N818 - a type of the contract, raised by nobody
    pass


@strawberry.type
class FieldError:
    path: str
    message: str


@strawberry.type
class InvalidInput(Error):  # noqa: N818 - a type of the contract, raised by nobody
    fields: list[FieldError]


@strawberry.type
class InvalidTransition(Error):  # noqa: N818 - a type of the contract, raised by nobody
    state_type: StateType


@strawberry.type(
    description="The attempt is not the current one, or another instance started it: stop, run no user code."
)
class Fenced(Error):  # noqa: N818 - a type of the contract, raised by nobody
    attempt_number: int
    current_attempt_number: int


@strawberry.type(description="Another process registered the same agent; this session must stop.")
class SessionSuperseded(Error):  # noqa: N818 - a type of the contract, raised by nobody
    pass


def _invalid_input(error: errors.InvalidInput) -> InvalidInput:
    fields = [FieldError(path=f.path, message=f.message) for f in error.fields]
    return InvalidInput(message=error.message, hint=error.hint, fields=fields)


def _invalid_transition(error: errors.InvalidTransition) -> InvalidTransition:
    return InvalidTransition(message=error.message, hint=error.hint, state_type=StateType(error.state_type))


def _fenced(error: errors.Fenced) -> Fenced:
    return Fenced(
        message=error.message,
        hint=error.hint,
        attempt_number=error.attempt_number,
        current_attempt_number=error.current_attempt_number,
    )


_MEMBERS: dict[type[errors.DomainError], Callable[[Any], Error]] = {
    errors.NotFound: lambda e: NotFound(message=e.message, hint=e.hint, kind=e.kind, ref=e.ref),
    errors.Conflict: lambda e: Conflict(message=e.message, hint=e.hint),
    errors.InvalidInput: _invalid_input,
    errors.InvalidCursor: _invalid_input,
    errors.InvalidTransition: _invalid_transition,
    errors.Fenced: _fenced,
    errors.SessionSuperseded: lambda e: SessionSuperseded(message=e.message, hint=e.hint),
}


def member_of(error: errors.DomainError) -> Error | None:
    """The union member that this error becomes; None where it is none (Unauthenticated)."""
    make = _MEMBERS.get(type(error))
    return make(error) if make is not None else None
