"""A TCP proxy that counts round trips: how often a client spoke, and had to wait for what the server says to it.

It knows no protocol. On each connection a round trip begins with the first bytes of the client since the server's last.
Latency to a real storage is what a loopback server hides; the number of round trips is what it will be multiplied by.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class RoundTrips:
    """A way to `upstream`, a port of this machine, which counts."""

    upstream: int
    port: int = 0
    connections: int = 0
    """How many were ever opened, and"""
    open: int = 0
    """how many of them are."""
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def counted(self) -> Iterator[list[int]]:
        """A list that holds, after the block, the number of round trips that began in it."""
        with self._lock:
            before = self._count
        found: list[int] = []
        yield found
        with self._lock:
            found.append(self._count - before)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.upstream))
            with self._lock:
                self.connections += 1
                self.open += 1
            waiting = threading.Event()
            threading.Thread(target=self._asked, args=(client, server, waiting), daemon=True).start()
            threading.Thread(target=self._answered, args=(server, client, waiting), daemon=True).start()

    def _asked(self, client: socket.socket, server: socket.socket, waiting: threading.Event) -> None:
        with _closing(client, server):
            while chunk := client.recv(1 << 20):
                if not waiting.is_set():
                    waiting.set()
                    with self._lock:
                        self._count += 1
                server.sendall(chunk)
        with self._lock:
            self.open -= 1

    def _answered(self, server: socket.socket, client: socket.socket, waiting: threading.Event) -> None:
        with _closing(client, server):
            while chunk := server.recv(1 << 20):
                waiting.clear()  # before the client has it, which may ask at once
                client.sendall(chunk)


@contextmanager
def _closing(*ends: socket.socket) -> Iterator[None]:
    try:
        with suppress(OSError):
            yield
    finally:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def round_trips(upstream: int) -> Iterator[RoundTrips]:
    """A counting way to the port, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        way = RoundTrips(upstream, listener.getsockname()[1])
        threading.Thread(target=way.serve, args=(listener,), daemon=True).start()
        yield way
