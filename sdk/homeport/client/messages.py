"""What is sent and what an answer means, without any I/O: both transports, and every test of them, share this."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import homeport
from homeport.client.documents import document
from homeport.client.errors import BadRequest, ClientError, Forbidden, Unauthenticated, Unavailable, Unreachable

_NOT_NOW = frozenset({408, 425, 429, 500, 502, 503, 504})
_CODES: dict[str, type[ClientError]] = {
    "UNAUTHENTICATED": Unauthenticated,
    "FORBIDDEN": Forbidden,
    "UNAVAILABLE": Unavailable,
    "DATABASE_UNAVAILABLE": Unavailable,
    "SHUTTING_DOWN": Unavailable,
    "TIMEOUT": Unavailable,
    "RATE_LIMITED": Unavailable,
    "TOO_MANY_REQUESTS": Unavailable,
    "INTERNAL": Unavailable,
    "INTERNAL_ERROR": Unavailable,
}
_KEY_HINT = "Log in with a key of this control plane: homeport auth login --key -"


@dataclass(frozen=True, slots=True)
class Request:
    """One POST to the GraphQL address."""

    headers: dict[str, str]
    content: bytes


def build_request(operation: str, variables: Mapping[str, Any] | None, key: str | None) -> Request:
    """The request that asks for an operation; BadRequest when the variables hold what JSON cannot."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/graphql-response+json, application/json",
        "User-Agent": f"homeport/{homeport.__version__}",
    }
    if key:
        headers["Authorization"] = f"Bearer {_checked(key, operation)}"
    body = {"query": document(operation), "operationName": operation, "variables": variables or {}}
    return Request(headers, encode(body, operation))


def _checked(key: str, operation: str) -> str:
    """The key, if it can stand in a header; the libraries below would name it in their complaint if it cannot."""
    key = key.strip()
    if key.isascii() and key.isprintable() and " " not in key:
        return key
    raise Unauthenticated("The API key holds characters that no key has.", hint=_KEY_HINT, operation=operation)


def encode(value: Any, operation: str | None = None) -> bytes:
    """The value as JSON; times with a zone become UTC, ids their text. Raises BadRequest for a lone surrogate."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise BadRequest(
            "A text to send is not valid Unicode (a lone surrogate).",
            hint="If it was typed: Python takes the terminal for another encoding than UTF-8; LC_ALL=C.UTF-8 mends it",
            operation=operation,
        ) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"A value to send cannot be written as JSON: {error}.", operation=operation) from None


def decode_response(operation: str, status: int, headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """The `data` of an answer; else the error that it stands for."""
    body = _json_object(content)
    if body is None:
        raise _not_graphql(operation, status, headers)
    errors = body.get("errors")
    if errors:
        raise error_of(operation, errors, status=status, retry_after=_seconds(headers.get("retry-after")))
    data = body.get("data")
    if isinstance(data, dict):
        return data
    if status >= 400:
        raise error_of(operation, [body], status=status, retry_after=_seconds(headers.get("retry-after")))
    raise _not_graphql(operation, status, headers)


def error_of(operation: str, errors: Any, *, status: int = 200, retry_after: float | None = None) -> ClientError:
    """The exception for the `errors` of an answer: by its code first, then by the HTTP status."""
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    extensions: Any = first.get("extensions")
    extensions = extensions if isinstance(extensions, dict) else {}
    message = str(first.get("message") or first.get("error") or f"The control plane answered {status}.")
    hint = extensions.get("hint") or first.get("hint")
    code = str(extensions.get("code", "")).upper()
    if code == "BAD_DOCUMENT":
        from homeport.client.versions import is_mismatch, mismatch

        if is_mismatch(message):
            return mismatch(operation, message, extensions.get("serverVersion"))
    kind = _CODES.get(code) or _by_status(status)
    if kind is Unavailable:
        return Unavailable(message, hint=hint, operation=operation, retry_after=retry_after)
    if kind is Unauthenticated:
        hint = hint or _KEY_HINT
    return kind(message, hint=hint, operation=operation)


def no_answer(operation: str, url: str, why: BaseException) -> Unreachable:
    """The exception for a request that got no answer."""
    reason = str(why) or type(why).__name__
    hint = None
    if "certificate" in reason.lower() or "ssl" in reason.lower():
        hint = "Behind a proxy with its own authority? Name its certificates: export SSL_CERT_FILE=/path/to/ca.pem"
    return Unreachable(f"No answer from {url}: {reason}.", hint=hint, operation=operation)


def _by_status(status: int) -> type[ClientError]:
    if status == 401:
        return Unauthenticated
    if status == 403:
        return Forbidden
    return Unavailable if status in _NOT_NOW else BadRequest


def _not_graphql(operation: str, status: int, headers: Mapping[str, str]) -> ClientError:
    """Something answered, but not a control plane: a proxy's error page, another program on the port."""
    what = f"an answer ({status}, {headers.get('content-type', 'no content type')}) that is not GraphQL"
    if status in _NOT_NOW:
        return Unavailable(
            f"The control plane gave {what}.", operation=operation, retry_after=_seconds(headers.get("retry-after"))
        )
    return _by_status(status)(
        f"The address gave {what}.", hint="Is this the address of a Homeport control plane?", operation=operation
    )


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"the time {value.isoformat()} has no time zone")
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} is not JSON")
