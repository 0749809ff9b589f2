"""Answers as ASGI messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec

from homeport_control_plane.edge.refusals import Refusal

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON: Final = b"application/json"
_encode = msgspec.json.Encoder().encode


async def send_bytes(
    send: Send, status: int, body: bytes, content_type: bytes, headers: Mapping[str, str] | None = None
) -> None:
    """One whole answer."""
    raw = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if headers:
        raw += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
    """One JSON answer."""
    await send_bytes(send, status, _encode(value), JSON, headers)


async def send_refusal(send: Send, refusal: Refusal) -> None:
    """The refusal as an answer."""
    await send_json(send, refusal.status, refusal.body, refusal.headers)
