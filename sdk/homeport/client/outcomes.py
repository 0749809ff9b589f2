"""A mutation answers with a union; this turns its error members into exceptions and hands back the good one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homeport.client.errors import (
    BadRequest,
    ConflictError,
    FencedError,
    InvalidInputError,
    InvalidTransitionError,
    NotFoundError,
    OutcomeError,
    SessionSupersededError,
)

_ERRORS: dict[str, type[OutcomeError]] = {
    "NotFound": NotFoundError,
    "Conflict": ConflictError,
    "InvalidInput": InvalidInputError,
    "InvalidTransition": InvalidTransitionError,
    "Fenced": FencedError,
    "SessionSuperseded": SessionSupersededError,
}


def expect(outcome: Mapping[str, Any], typename: str) -> dict[str, Any]:
    """The fields of the expected member of a union, e.g. `expect(data["createProject"], "ProjectCreated")`.

    Raises the error that the answer names (NotFoundError, ConflictError, ...), or BadRequest for a member that this
    version of the client does not know.
    """
    found = outcome.get("__typename")
    if found == typename:
        return dict(outcome)
    message = str(outcome.get("message") or f"The control plane answered {found!r} where {typename!r} was expected.")
    hint = outcome.get("hint")
    error = _ERRORS.get(str(found))
    if error is None:
        raise BadRequest(
            message, hint=hint or "Client and control plane may be too far apart: compare `homeport version`."
        )
    details = {key: value for key, value in outcome.items() if key not in ("__typename", "message", "hint")}
    raise error(_with_fields(message, details), hint=hint, details=details)


def _with_fields(message: str, details: Mapping[str, Any]) -> str:
    """Name the wrong fields, unless the message does already."""
    missing = [f"{f['path']}: {f['message']}" for f in details.get("fields") or () if str(f["message"]) not in message]
    return "\n  ".join([message, *missing])
