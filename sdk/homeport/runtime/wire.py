"""HTTP for one run process: one kept-alive connection to one address, opened by the standard library's sockets.

Importing httpx costs as much as starting Python and the SDK together, so plain http without a proxy (an agent beside
its control plane) is spoken here in a few lines. TLS and proxies are left to httpx, behind the same two calls.
"""

from __future__ import annotations

import os
import select
import socket
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from homeport.client.addresses import base_url, graphql_url
from homeport.client.errors import ClientError
from homeport.client.exchange import Answer
from homeport.client.messages import Request, no_answer

CONNECT_SECONDS = 5.0
LARGEST_ANSWER = 64 * 1024 * 1024


class Wire(Protocol):
    """Posts one request at a time; `begin` and `end` are the two halves of `post`, with time for other work between."""

    def begin(self, request: Request, timeout: float) -> None:
        """Send the request."""
        ...

    def end(self) -> Answer | ClientError:
        """Wait for the answer to what was begun; the error in its place when none came."""
        ...

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        ...


def open_wire(url: str) -> Wire:
    """A wire to the control plane at this URL; raises InvalidAddress for one that cannot be used."""
    address = graphql_url(url)
    parts = urlsplit(address)
    if parts.scheme == "http" and not _through_proxy(parts.hostname or ""):
        return PlainWire(base_url(url), parts.hostname or "", parts.port or 80, parts.path)
    return HttpxWire(base_url(url), address)


def _through_proxy(host: str) -> bool:
    if not any(os.environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
        return False
    exempt = (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(",")
    names = [name.strip().lstrip(".*") for name in exempt if name.strip()]
    return not any(name == host or host.endswith("." + name) for name in names)


class PlainWire:
    """HTTP/1.1 over one TCP connection."""

    def __init__(self, url: str, host: str, port: int, path: str) -> None:
        self._url = url
        self._address = (host, port)
        self._start = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        self._socket: socket.socket | None = None
        self._request: Request | None = None
        self._timeout = CONNECT_SECONDS
        self._failure: OSError | None = None

    def begin(self, request: Request, timeout: float) -> None:
        """Send the request, on the open connection if the other side has not closed it meanwhile."""
        self._request, self._timeout, self._failure = request, timeout, None
        if self._socket is not None and _closed_by_peer(self._socket):
            self.close()
        reused = self._socket is not None
        try:
            self._send(request)
        except OSError as error:
            self.close()
            self._failure = error
            if reused:
                self._send_afresh(request)

    def end(self) -> Answer | ClientError:
        """The answer to what was begun."""
        if self._failure is None:
            try:
                return self._receive()
            except (OSError, ValueError) as error:
                self.close()
                return no_answer("", self._url, error)
        return no_answer("", self._url, self._failure)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send_afresh(self, request: Request) -> None:
        try:
            self._send(request)
            self._failure = None
        except OSError as error:
            self.close()
            self._failure = error

    def _send(self, request: Request) -> None:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, min(self._timeout, CONNECT_SECONDS))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(self._timeout)
        lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        head = f"{self._start}{lines}Content-Length: {len(request.content)}\r\n\r\n"
        self._socket.sendall(head.encode("latin-1") + request.content)

    def _receive(self) -> Answer:
        assert self._socket is not None, "an answer is waited for only after a request was sent"
        with self._socket.makefile("rb") as stream:
            status_line = stream.readline(65536)
            if not status_line:
                raise ConnectionResetError("the connection was closed before an answer came")
            if not status_line.startswith(b"HTTP/1.") or not status_line[9:12].isdigit():
                raise ValueError(f"the answer is not HTTP: {status_line[:40]!r}")
            status = int(status_line[9:12])
            headers: dict[str, str] = {}
            while (line := stream.readline(65536)) not in (b"\r\n", b"\n", b""):
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.strip().lower()] = value.strip()
            content = _body(stream, headers)
        if "close" in headers.get("connection", "").lower() or not _has_end(headers):
            self.close()
        return Answer(status, headers, content)


def _closed_by_peer(connection: socket.socket) -> bool:
    """Nothing is expected between two requests, so whatever can be read is the end of the connection."""
    try:
        return bool(select.select([connection], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _has_end(headers: dict[str, str]) -> bool:
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


def _body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        pieces = []
        while size := int(stream.readline(1024).split(b";")[0], 16):
            pieces.append(_exactly(stream, size))
            stream.readline(1024)
        while stream.readline(65536) not in (b"\r\n", b"\n", b""):
            pass
        return b"".join(pieces)
    if "content-length" in headers:
        return _exactly(stream, int(headers["content-length"]))
    return stream.read(LARGEST_ANSWER)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    if not 0 <= size <= LARGEST_ANSWER:
        raise ValueError(f"an answer of {size} bytes was announced")
    content = stream.read(size)
    if len(content) < size:
        raise ConnectionResetError("the connection was closed in the middle of an answer")
    return content


class HttpxWire:
    """The same by httpx: TLS with the machine's or SSL_CERT_FILE's authorities, and proxies."""

    def __init__(self, url: str, address: str) -> None:
        from homeport.client.http_settings import client_options, import_httpx

        self._url, self._address = url, address
        self._httpx = import_httpx()
        self._http = self._httpx.Client(**client_options(address, 30.0))
        self._request: Request | None = None
        self._timeout = 30.0

    def begin(self, request: Request, timeout: float) -> None:
        """Remember the request; httpx has no halves."""
        self._request, self._timeout = request, timeout

    def end(self) -> Answer | ClientError:
        """Post what was begun."""
        assert self._request is not None, "an answer is waited for only after a request was begun"
        try:
            answer = self._http.post(
                self._address, headers=self._request.headers, content=self._request.content, timeout=self._timeout
            )
        except (self._httpx.TransportError, self._httpx.DecodingError) as error:
            return no_answer("", self._url, error)
        return Answer(answer.status_code, answer.headers, answer.content)

    def close(self) -> None:
        """Close idle connections by starting over."""
        from homeport.client.http_settings import client_options

        self._http.close()
        self._http = self._httpx.Client(**client_options(self._address, 30.0))
