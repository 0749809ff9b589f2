"""A proxy of bytes in front of any server on loopback, which can be gone in the middle of something, or fall silent."""

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class TcpProxy:
    """`with TcpProxy(url) as proxy:` leads from `proxy.url` there; `sent` and `received` count bytes as clients do.

    With a certificate and its key it speaks TLS with clients, in front of a server that does not.
    """

    def __init__(self, upstream: str, tls: tuple[Path, Path] | None = None) -> None:
        self._target = urlsplit(upstream)
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if tls else None
        if self._tls and tls:
            self._tls.load_cert_chain(*tls)
        self._open: set[socket.socket] = set()
        self._here = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self.silent = False
        self.gone = False
        self.sent = self.received = self.connections = 0
        self.heard = bytearray()  # what clients sent, at most the first 64 KiB

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if self._tls else self._target.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._flowing.set()

    def freeze(self) -> None:
        """Fall silent, to those who are connected, too: nothing goes through any more, and nothing ends."""
        self.silent = True
        self._flowing.clear()

    def cut(self) -> None:
        """End every connection now; new ones end as they come while `gone` is set."""
        with self._here:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with self._here:
                self._open.add(client)
            if self.gone:
                client.close()
            elif not self.silent:
                threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        try:
            ours = self._tls.wrap_socket(client, server_side=True) if self._tls else client
        except OSError:
            client.close()  # the client does not trust our certificate
            return
        server = socket.create_connection((self._target.hostname, self._target.port))
        with self._here:
            self._open |= {server, ours}
        threading.Thread(target=self._copy, args=(ours, server, "sent"), daemon=True).start()
        self._copy(server, ours, "received")

    def _copy(self, source: socket.socket, sink: socket.socket, count: str) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                self._flowing.wait()
                sink.sendall(chunk)
                if count == "sent" and self.sent < 65536:
                    self.heard += chunk
                setattr(self, count, getattr(self, count) + len(chunk))
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
