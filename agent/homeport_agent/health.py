"""A small HTTP endpoint for whatever watches the agent: 200 while it hears from the control plane, else 503."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

Report = Callable[[], tuple[bool, dict[str, Any]]]
"""Whether all is well, and what to tell."""


async def serve(host: str, port: int, report: Report) -> asyncio.Server:
    """Answer every GET with the report; raises OSError when the address is taken."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                request = await reader.readuntil(b"\r\n\r\n")
            writer.write(_response(request, report))
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port, limit=16 * 1024)


def _response(request: bytes, report: Report) -> bytes:
    method, _, rest = request.partition(b" ")
    path = rest.split(b" ", 1)[0].split(b"?", 1)[0]
    if method not in (b"GET", b"HEAD"):
        return _message("405 Method Not Allowed", {"error": "GET /healthz"})
    if path not in (b"/", b"/healthz", b"/api/health"):
        return _message("404 Not Found", {"error": "GET /healthz"})
    well, told = report()
    return _message("200 OK" if well else "503 Service Unavailable", told)


def _message(status: str, told: dict[str, Any]) -> bytes:
    body = json.dumps(told).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return (head + "Connection: close\r\n\r\n").encode() + body
