"""Request bodies: read within a limit, decoded strictly, with every way of being wrong a refusal that says which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request

from homeport_control_plane.edge.refusals import Refusal

LIMIT: Final = 8 * 1024 * 1024


class GraphQLRequest(msgspec.Struct, frozen=True):
    """The body of a GraphQL request; each variable stays JSON until it is known who decodes it."""

    query: str
    operation_name: str | None = msgspec.field(name="operationName", default=None)
    variables: dict[str, msgspec.Raw] | None = None


_decode_request = msgspec.json.Decoder(GraphQLRequest).decode
_decode_any = msgspec.json.Decoder().decode


def check_headers(headers: Mapping[str, str], *, limit: int = LIMIT) -> None:
    """Raises Refusal for a kind of body that is not taken, before any of it is read."""
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in ("application/json", "application/graphql+json"):
        shown = kind[:80] or "none"
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"The body must be application/json, found {shown}.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "A compressed body is not taken; send it as it is.")
    if (size := headers.get("content-length")) is not None and int(size) > limit:
        raise _too_large(limit)


async def read_body(request: Request, *, limit: int = LIMIT) -> bytes:
    """The whole body. Raises Refusal as soon as it is over the limit, ClientDisconnect if it ends early."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def decode_request(body: bytes) -> GraphQLRequest:
    """The request in the body. Raises Refusal for anything else than one JSON object with a `query`."""
    try:
        return _decode_request(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        hint = "Operations are sent one by one." if body.lstrip()[:1] == b"[" else None
        raise Refusal(400, "BAD_REQUEST", f"The body is not a GraphQL request: {_why(error)}.", hint=hint) from None


def decode_variables(request: GraphQLRequest, raw: frozenset[str]) -> dict[str, Any]:
    """The variables as values, those in `raw` left as JSON. Raises Refusal for what cannot be stored or sent on."""
    return {
        name: value if name in raw else decode_value(value, f"variables.{name}")
        for name, value in (request.variables or {}).items()
    }


def decode_value(json: msgspec.Raw, path: str) -> Any:
    """The JSON value at a path. Raises Refusal that names the path."""
    raw = memoryview(json)
    try:
        value = _decode_any(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Refusal(400, "BAD_REQUEST", f"{path[:120]}: {_why(error)}.") from None
    if b"\\u0000" in bytes(raw) and _has_nul(value):
        raise Refusal(400, "BAD_REQUEST", f"{path[:120]}: a text may not hold the NUL character.")
    return value


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "it is not valid UTF-8"
    return str(error)[:200].rstrip(".")


def _too_large(limit: int) -> Refusal:
    # The rest of the body is not read, so the connection cannot be used again.
    return Refusal(
        413, "TOO_LARGE", f"The body is larger than {limit // 1024 // 1024} MiB.", headers={"Connection": "close"}
    )
