"""What can go wrong between a client and the control plane, split where callers act differently.

ClientError
├── Unreachable                 no answer arrived; asking again is safe
│   └── Unavailable             an answer arrived, and it says "not now" (restarting, too many requests)
└── Refused                     the answer is no; asking again gets the same answer
    ├── InvalidAddress          the URL itself cannot be used; nothing was sent
    ├── BadRequest              the control plane does not understand the request
    │   └── VersionMismatch     because one of the two is older and does not know what the other says
    ├── Unauthenticated         no key, or one that is unknown, expired or revoked
    ├── Forbidden               this kind of key may not do that
    ├── NotFoundError           no such project, flow, run, ...
    ├── ConflictError           the name is taken, or the idempotency key was used for something else
    ├── InvalidInputError       a field's value is wrong; `fields` says which
    ├── InvalidTransitionError  the run is in a state that does not allow it
    ├── FencedError             this attempt is not the current one: stop, run no user code
    └── SessionSupersededError  another process registered the same agent: stop
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The base of everything the control plane client raises: `message` says what, `hint` what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None, operation: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.operation = operation
        if hint:
            self.add_note(f"hint: {hint}")  # seen in a traceback, by whoever calls the client from a script


class Unreachable(ClientError):  # noqa: N818 - reads as what happened, as the whole tree does
    """No answer arrived; asking again is safe, every operation is idempotent."""


class Unavailable(Unreachable):
    """The control plane asks to come back later, after `retry_after` seconds when it says so."""

    def __init__(
        self, message: str, *, hint: str | None = None, operation: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint, operation=operation)
        self.retry_after = retry_after


class Refused(ClientError):  # noqa: N818 - see Unreachable
    """The control plane answered no; asking again will get the same answer."""


class InvalidAddress(Refused):
    """The control plane's URL cannot be used as it is written."""


class BadRequest(Refused):
    """The request was not understood, or failed inside the control plane in a way that a retry does not mend."""


class VersionMismatch(BadRequest):
    """The control plane does not know an operation of this version: one of the two has to be upgraded."""


class Unauthenticated(Refused):
    """The key is missing, unknown, expired or revoked."""


class Forbidden(Refused):
    """The key is good, but its kind may not do this."""


class OutcomeError(Refused):
    """A mutation answered with a member of its union that is an error; `details` holds that member's fields."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        operation: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, operation=operation)
        self.details: Mapping[str, Any] = details or {}


class NotFoundError(OutcomeError):
    """What was named does not exist, or belongs to somebody else."""


class ConflictError(OutcomeError):
    """The name is taken, or the idempotency key was used before with another body."""


class InvalidInputError(OutcomeError):
    """Some fields have values that cannot be; `fields` lists them as (path, message)."""

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Each wrong field: its path in the input, and what is wrong with it."""
        return [(str(field["path"]), str(field["message"])) for field in self.details.get("fields") or ()]


class InvalidTransitionError(OutcomeError):
    """The run is in a state (`state_type`) from which this is not possible."""

    @property
    def state_type(self) -> str | None:
        """The state that stands, if the answer said so."""
        value = self.details.get("stateType")
        return None if value is None else str(value)


class FencedError(OutcomeError):
    """The attempt is not the current one, or another instance started it: stop, run no user code."""


class SessionSupersededError(OutcomeError):
    """Another process registered the same agent; this session must stop."""
