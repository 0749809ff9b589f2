"""Both transports against a real HTTP server in this process."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from homeport.client import AsyncClient, Client, Unauthenticated, Unreachable
from tests.services.control_plane import free_port

GOOD = (200, {"data": {"viewer": {"kind": "ADMIN"}}})


@dataclass
class Answering:
    """Serves the answers of a script, one a request; after the last it repeats that one. None: hangs up."""

    script: list[tuple[int, dict[str, Any]] | None]
    seen: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def answering() -> Iterator[Answering]:
    state = Answering([GOOD])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            state.seen.append({"path": self.path, **dict(self.headers.items())})
            answer = state.script.pop(0) if len(state.script) > 1 else state.script[0]
            if answer is None:
                self.close_connection = True
                return
            content = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


async def ask(kind: str, url: str, **options: Any) -> dict[str, Any]:
    """The viewer, by either client."""
    if kind == "sync":
        with Client(url, "hp_key", sleep=lambda _: None) as client:
            return client.execute("viewer", **options)

    async def at_once(_: float) -> None:
        return None

    async with AsyncClient(url, "hp_key", sleep=at_once) as client:
        return await client.execute("viewer", **options)


both = pytest.mark.parametrize("kind", ["sync", "async"])


@both
async def test_an_operation_is_posted_with_the_key_and_answered(answering: Answering, kind: str) -> None:
    data = await ask(kind, answering.url)

    assert data == {"viewer": {"kind": "ADMIN"}}
    assert answering.seen[0]["path"] == "/graphql"
    assert answering.seen[0]["Authorization"] == "Bearer hp_key"


@both
async def test_nobody_there_is_unreachable_and_names_the_address(kind: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(Unreachable, match=url):
        await ask(kind, url)


@both
async def test_a_lost_reply_is_asked_again_while_there_is_time(answering: Answering, kind: str) -> None:
    answering.script = [None, (503, {"errors": [{"message": "restarting"}]}), GOOD]

    data = await ask(kind, answering.url, retry_for=60.0)

    assert data == {"viewer": {"kind": "ADMIN"}}
    assert len(answering.seen) == 3


@both
async def test_without_time_to_retry_a_lost_reply_is_told_at_once(answering: Answering, kind: str) -> None:
    answering.script = [None]

    with pytest.raises(Unreachable):
        await ask(kind, answering.url)

    assert len(answering.seen) == 1


@both
async def test_a_refusal_is_not_asked_again(answering: Answering, kind: str) -> None:
    answering.script = [(401, {"errors": [{"message": "revoked", "extensions": {"code": "UNAUTHENTICATED"}}]})]

    with pytest.raises(Unauthenticated, match="revoked"):
        await ask(kind, answering.url, retry_for=60.0)

    assert len(answering.seen) == 1


@both
async def test_a_proxy_of_the_environment_is_used_unless_the_host_is_excepted(
    answering: Answering, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", answering.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    await ask(kind, "http://control-plane.invalid:4700")
    await ask(kind, answering.url)

    assert [seen["path"] for seen in answering.seen] == ["http://control-plane.invalid:4700/graphql", "/graphql"]
