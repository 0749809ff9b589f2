"""An HTTP proxy as companies have them: it tunnels (CONNECT) and passes requests of http on, and notes to whom."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

HOP = (b"connection:", b"proxy-")


@dataclass
class ConnectProxy:
    """Serves `url` from `connect_proxy()` on; `asked` are the first lines of the requests that came."""

    url: str = ""
    asked: list[str] = field(default_factory=list)

    async def serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        """One connection of a client, until either side ends it."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await client_in.readuntil(b"\r\n\r\n")
            line = head.partition(b"\r\n")[0].decode()
            self.asked.append(line)
            method, target, _ = line.split()
            place = urlsplit(f"//{target}" if method == "CONNECT" else target)
            server_in, server_out = await asyncio.open_connection(place.hostname, place.port or 80)
            if method == "CONNECT":
                client_out.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:  # one request a connection, so that each can be told the server as it wants it
                kept = [line for line in head.split(b"\r\n")[1:-2] if not line.lower().startswith(HOP)]
                path = place.path + (f"?{place.query}" if place.query else "")
                first = f"{method} {path} HTTP/1.1".encode()
                server_out.write(b"\r\n".join([first, *kept, b"Connection: close", b"", b""]))
            copies = [_copy(client_in, server_out), _copy(server_in, client_out)]
            await asyncio.wait(map(asyncio.ensure_future, copies), return_when=asyncio.FIRST_COMPLETED)
            server_out.close()
        client_out.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()


@contextmanager
def connect_proxy() -> Iterator[ConnectProxy]:
    """A running one while the block lasts."""
    proxy, loop = ConnectProxy(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(proxy.serve, "127.0.0.1", 0), loop).result()
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
