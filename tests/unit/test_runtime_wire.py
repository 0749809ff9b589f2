"""HTTP of a run process, spoken against a server that says exactly what each test wants."""

import socket
import threading
from collections.abc import Iterator

import pytest

from homeport.client.errors import Unreachable
from homeport.client.exchange import Answer
from homeport.client.messages import Request
from homeport.runtime import wire
from homeport.runtime.wire import HttpxWire, PlainWire, open_wire

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nTrailer: t\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"


class Scripted:
    """Answers each request with the next bytes of its script; None hangs up, b'' never answers."""

    def __init__(self, *script: bytes | None, hang_up_after_each: bool = False) -> None:
        self.script = list(script)
        self.requests: list[bytes] = []
        self.connections = 0
        self.hung_up = threading.Semaphore(0)
        """Counts the connections that were closed from this side."""
        self._hang_up = hang_up_after_each
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rb") as stream:
                while self._answer(connection, stream):
                    pass
            self.hung_up.release()

    def _answer(self, connection: socket.socket, stream: object) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()  # type: ignore[attr-defined]
            if not line:
                return False
            head += line
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        self.requests.append(head + stream.read(length))  # type: ignore[attr-defined]
        said = self.script.pop(0)
        if said is None:
            return False
        if said == b"":
            threading.Event().wait(2)
            return False
        connection.sendall(said)
        return not self._hang_up and said != UNTIL_CLOSE


@pytest.fixture
def served() -> Iterator[list[Scripted]]:
    servers: list[Scripted] = []
    yield servers
    for server in servers:
        server.close()


def ask(plain: wire.Wire, content: bytes = b"{}", timeout: float = 5.0) -> object:
    plain.begin(Request({"Authorization": "Bearer t"}, content), timeout)
    return plain.end()


@pytest.mark.parametrize("said", [LENGTH, CHUNKED, UNTIL_CLOSE], ids=["length", "chunks", "until close"])
def test_an_answer_is_read_however_its_end_is_marked(served: list[Scripted], said: bytes) -> None:
    server = Scripted(said, said)
    served.append(server)
    plain = open_wire(server.url)

    first, second = ask(plain, b'{"a":1}'), ask(plain)

    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.status, first.content, second.content) == (200, b"ok", b"ok")
    assert server.requests[0].startswith(b"POST /graphql HTTP/1.1\r\n")
    assert b"Authorization: Bearer t\r\n" in server.requests[0]
    assert server.requests[0].endswith(b'{"a":1}')


def test_one_connection_serves_many_requests(served: list[Scripted]) -> None:
    server = Scripted(LENGTH, LENGTH, LENGTH)
    served.append(server)
    plain = open_wire(server.url)

    for _ in range(3):
        ask(plain)

    assert server.connections == 1


def test_a_connection_that_was_closed_while_idle_is_opened_again(served: list[Scripted]) -> None:
    server = Scripted(LENGTH, LENGTH, hang_up_after_each=True)
    served.append(server)
    plain = open_wire(server.url)

    first = ask(plain)
    assert server.hung_up.acquire(timeout=20)
    second = ask(plain)

    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert server.connections == 2


@pytest.mark.parametrize(
    "said",
    [None, b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf", b"nonsense\r\n\r\n"],
    ids=["hangs up", "never answers", "stops half way", "is no HTTP"],
)
def test_no_answer_is_unreachable_which_may_be_asked_again(served: list[Scripted], said: bytes | None) -> None:
    server = Scripted(said, LENGTH, hang_up_after_each=True)
    served.append(server)
    plain = open_wire(server.url)

    assert isinstance(ask(plain, timeout=0.3), Unreachable)


def test_a_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert isinstance(ask(open_wire(f"http://127.0.0.1:{port}")), Unreachable)


@pytest.mark.parametrize(
    ("url", "environment", "kind"),
    [
        ("http://127.0.0.1:4700", {}, PlainWire),
        ("https://homeport.example.com", {}, HttpxWire),
        ("http://homeport.example.com", {"HTTP_PROXY": "http://proxy:3128"}, HttpxWire),
        ("http://homeport.example.com", {"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "example.com"}, PlainWire),
    ],
)
def test_tls_and_proxies_are_left_to_httpx(
    monkeypatch: pytest.MonkeyPatch, url: str, environment: dict[str, str], kind: type
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    opened = open_wire(url)

    assert isinstance(opened, kind)
    opened.close()
