"""HTTP for one run process: one kept-alive connection to one address.

Importing httpx costs as much as starting Python and the SDK together, so plain http without a proxy (an agent beside
its control plane) is left to the standard library's client. TLS and proxies are httpx's, behind the same two calls.
"""

from __future__ import annotations

import os
import select
import socket
from http.client import HTTPConnection, HTTPException
from typing import Protocol
from urllib.parse import urlsplit

from homeport.client.addresses import base_url, graphql_url
from homeport.client.errors import ClientError
from homeport.client.exchange import Answer
from homeport.client.messages import Request, no_answer

CONNECT_SECONDS = 5.0


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
    """HTTP/1.1 by the standard library, over one kept-alive connection."""

    def __init__(self, url: str, host: str, port: int, path: str) -> None:
        self._url, self._path = url, path
        self._http = HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        self._failure: OSError | HTTPException | None = None

    def begin(self, request: Request, timeout: float) -> None:
        """Send the request, on the open connection if the other side has not closed it meanwhile."""
        if self._http.sock is not None and _closed_by_peer(self._http.sock):
            self.close()
        reused = self._http.sock is not None
        self._failure = self._send(request, timeout)
        if self._failure is not None and reused:
            self._failure = self._send(request, timeout)

    def end(self) -> Answer | ClientError:
        """The answer to what was begun."""
        if self._failure is not None:
            return no_answer("", self._url, self._failure)
        try:
            answer = self._http.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            return no_answer("", self._url, error)
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._http.close()

    def _send(self, request: Request, timeout: float) -> OSError | HTTPException | None:
        try:
            if self._http.sock is None:
                self._http.connect()
            assert self._http.sock is not None, "connect() has made it"
            self._http.sock.settimeout(timeout)
            self._http.request("POST", self._path, request.content, dict(request.headers))
        except (OSError, HTTPException) as error:
            self.close()
            return error
        return None


def _closed_by_peer(connection: socket.socket) -> bool:
    """Nothing is expected between two requests, so whatever can be read is the end of the connection."""
    try:
        return bool(select.select([connection], [], [], 0)[0])
    except (OSError, ValueError):
        return True


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
