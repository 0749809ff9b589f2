"""A load generator that costs little itself: keep-alive connections on asyncio protocols, prepared request bytes.

An ordinary client library would cost more CPU than the server under test and, on two cores, be what is measured.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiter: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        lower = bytes(self._buffer[:head_end]).lower()
        length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self._buffer) >= head_end + 4 + length and self._waiter and not self._waiter.done():
            body = bytes(self._buffer[head_end + 4 : head_end + 4 + length])
            self._buffer.clear()
            self._waiter.set_result(body)

    async def send(self, request: bytes) -> bytes:
        """Send prepared bytes; the answer's body."""
        self._waiter = asyncio.get_running_loop().create_future()
        assert self._transport
        self._transport.write(request)
        return await self._waiter


class Load:
    """Prepares GraphQL requests for one server and one key."""

    def __init__(self, url: str, key: str) -> None:
        target = urlsplit(url)
        self.host, self.port = target.hostname or "127.0.0.1", target.port or 80
        self.key = key

    def request(self, query: str, variables: dict[str, Any], key: str | None = None) -> bytes:
        """The bytes of one POST /graphql."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key or self.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def connect(self) -> Connection:
        """A new keep-alive connection."""
        _, protocol = await asyncio.get_running_loop().create_connection(Connection, self.host, self.port)
        return protocol

    async def call(self, connection: Connection, query: str, variables: dict[str, Any], key: str | None = None) -> Any:
        """Send, decode, and fail on errors; the `data`."""
        answer = json.loads(await connection.send(self.request(query, variables, key)))
        if answer.get("errors"):
            raise RuntimeError(answer["errors"])
        return answer["data"]


async def rate(workers: int, seconds: float, work: Callable[[int], Awaitable[int]]) -> float:
    """Units a second: `workers` coroutines repeat `work(worker)`, which returns the units it did, for `seconds`."""
    done = 0
    began = time.perf_counter()
    until = began + seconds

    async def one(worker: int) -> None:
        nonlocal done
        while time.perf_counter() < until:
            units = await work(worker)  # not `done += await ...`, which would read `done` before the wait
            done += units

    await asyncio.gather(*(one(worker) for worker in range(workers)))
    return done / (time.perf_counter() - began)
