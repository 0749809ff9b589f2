"""A recording HTTP/1.1 proxy on loopback that can lose what real networks lose.

The kernel here has no netem, so faults are made where they hurt most: a reply that is dropped *after* the server has
committed (`drop_reply`), a connection that is refused (`refuse`), and a black hole that accepts and never answers
(`black_hole`). All traffic is kept in `recorded`, for tests that look for what must never be there.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

Matches = Callable[[bytes], bool]


@dataclass
class FaultProxy:
    """`with FaultProxy(url) as proxy:` serves `proxy.url` in a thread of its own until the block ends."""

    upstream: str
    recorded: bytearray = field(default_factory=bytearray)
    dropped: int = 0
    refuse: bool = False
    black_hole: bool = False

    def __post_init__(self) -> None:
        self._drop: list[tuple[Matches, int]] = []
        self._before: list[tuple[Matches, Callable[[], object]]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()

    def drop_reply(self, operation: str, *, times: int = 1) -> None:
        """Lose the next `times` replies to requests naming this GraphQL operation; the server will have done them."""
        self._drop.append((lambda body: operation.encode() in body, times))

    def before(self, operation: str, act: Callable[[], object]) -> None:
        """When the first request that names this operation comes, do that before it is passed on."""
        self._before.append((lambda body: operation.encode() in body, act))

    def cut_all(self) -> None:
        """Reset every open connection now."""
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in list(self._writers)])

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.cut_all()
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        self._writers.add(client_out)
        try:
            while await self._one_request(client_in, client_out):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._writers.discard(client_out)
            client_out.transport.abort()

    async def _one_request(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> bool:
        head, body = await _read_message(client_in)
        if not head or self.refuse:
            return False
        if self.black_hole:
            await asyncio.Event().wait()
        self.recorded += head + body
        await self._act_before(body)
        target = urlsplit(self.upstream)
        server_in, server_out = await asyncio.open_connection(target.hostname, target.port)
        try:
            server_out.write(head + body)
            if b"upgrade: websocket" in head.lower():
                await self._tunnel(client_in, client_out, server_in, server_out)
                return False
            reply_head, reply_body = await _read_message(server_in)
            self.recorded += reply_head + reply_body
            if self._should_drop(body):
                self.dropped += 1
                return False
            client_out.write(reply_head + reply_body)
            await client_out.drain()
            return bool(reply_head)
        finally:
            with contextlib.suppress(Exception):
                server_out.close()

    async def _act_before(self, body: bytes) -> None:
        for one in [one for one in self._before if one[0](body)]:
            self._before.remove(one)
            await asyncio.get_running_loop().run_in_executor(None, one[1])

    def _should_drop(self, body: bytes) -> bool:
        for index, (matches, times) in enumerate(self._drop):
            if times and matches(body):
                self._drop[index] = (matches, times - 1)
                return True
        return False

    async def _tunnel(
        self,
        client_in: asyncio.StreamReader,
        client_out: asyncio.StreamWriter,
        server_in: asyncio.StreamReader,
        server_out: asyncio.StreamWriter,
    ) -> None:
        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while chunk := await source.read(65536):
                self.recorded += chunk
                sink.write(chunk)
                await sink.drain()

        first = [asyncio.ensure_future(copy(client_in, server_out)), asyncio.ensure_future(copy(server_in, client_out))]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        for task in first:
            task.cancel()


async def _read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One HTTP message: its head, and its body by Content-Length or chunks."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b"", b""
    lower = head.lower()
    if b"content-length:" in lower:
        length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
        return head, await reader.readexactly(length)
    if b"transfer-encoding: chunked" in lower:
        body = b""
        while True:
            size_line = await reader.readuntil(b"\r\n")
            size = int(size_line.split(b";")[0], 16)
            body += size_line + await reader.readexactly(size + 2)
            if size == 0:
                return head, body
    return head, b""
