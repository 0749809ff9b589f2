"""The server as a process: how it starts, what it says when it cannot, and how it ends."""

from __future__ import annotations

import asyncio
import re
import signal
import socket as sockets
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.conftest import reachable
from tests.services.api import Api, socket
from tests.services.control_plane import ControlPlane
from tests.services.waiting import eventually

DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlPlane]:
    running = ControlPlane(reachable(tmp_path) / "data")
    running.start()
    yield running
    running.stop()


def get(server: ControlPlane, path: str) -> tuple[int, dict[str, str], str]:
    import httpx

    answer = httpx.get(server.url + path)
    return answer.status_code, dict(answer.headers), answer.text


def test_the_ready_line_says_where_and_the_key_is_told_once(tmp_path: Path) -> None:
    server = ControlPlane(reachable(tmp_path) / "data")

    first = server.start()
    server.stop()
    second = server.start()

    assert first["url"] == server.url
    assert first["database"] == "embedded"
    assert str(first["admin_key"]).startswith("hp_admin_")
    assert "admin_key" not in second
    assert Api(server.url, str(first["admin_key"])).ask("{ viewer { kind } }").status == 200
    assert server.stop() == 0
    assert str(first["admin_key"]) not in server.log.read_text()


def test_health_readiness_schema_and_page_need_no_key(server: ControlPlane) -> None:
    paths = ("/healthz", "/readyz", "/schema.graphql", "/event_batch.schema.json", "/")
    alive, ready, schema, events, page = (get(server, path) for path in paths)

    assert [answer[0] for answer in (alive, ready, schema, events, page)] == [200] * 5
    assert "type FlowRun" in schema[2]
    assert "task_state" in events[2]
    assert f"{server.url}/graphql" in page[2]
    assert "default-src 'none'" in page[1]["content-security-policy"]
    assert "<script" not in page[2]


def test_every_link_of_the_page_leads_somewhere_and_it_needs_nothing_else(server: ControlPlane) -> None:
    page = get(server, "/")[2]
    links = re.findall(r'<a href="([^"]+)"', page)

    assert links
    assert [link for link in links if get(server, f"/{link}")[0] != 200] == []
    assert re.findall(r'(?:src|rel="[a-z]+" href)="(?!data:)', page) == []
    assert 'rel="icon"' in page  # else each browser asks for /favicon.ico, which is not there


@pytest.mark.parametrize("path", ["/nonsense", "/graphql/", "/../etc/passwd", "/%00"])
def test_an_unknown_path_is_a_plain_404(server: ControlPlane, path: str) -> None:
    status, _, text = get(server, path)

    assert status == 404
    assert "NOT_FOUND" in text


def test_a_host_header_cannot_write_into_the_page(server: ControlPlane) -> None:
    with sockets.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: <script>alert(1)</script>\r\nConnection: close\r\n\r\n")
        page = b"".join(iter(lambda: connection.recv(65536), b""))

    assert b"<script" not in page


def test_a_stop_answers_held_polls_closes_sockets_and_ends_postgres_within_three_seconds(server: ControlPlane) -> None:
    admin = Api(server.url, server.admin_key)
    agents = admin.with_key(admin.new_key("agent"))
    agent = agents.agent()
    postgres = server.postgres_pid()
    assert server.process
    assert postgres

    async def stop_while_held() -> tuple[int, list[object], int | None]:
        async with socket(admin) as opened:
            await opened.subscribe("subscription { agentsChanged { name } }")
            await opened.receive()
            poll = asyncio.create_task(asyncio.to_thread(agents.claim, agent, wait=25))
            await asyncio.to_thread(_until_polled, admin)
            assert server.process
            server.process.send_signal(signal.SIGTERM)
            answer = await asyncio.wait_for(poll, 3)
            return answer.status, answer.data["claimFlowRuns"]["claims"], await opened.closed(3)

    status, claims, code = asyncio.run(stop_while_held())

    assert (status, claims, code) == (200, [], 1001)
    assert server.process.wait(3) == 0
    assert not psutil.pid_exists(postgres)
    assert "Traceback" not in server.log.read_text()


def test_a_taken_port_is_said_at_once_with_who_has_it(server: ControlPlane, tmp_path: Path) -> None:
    assert server.process
    second = ControlPlane(tmp_path / "second", port=server.port)

    with pytest.raises(
        AssertionError,
        match=rf"Port {server.port} .* is taken by process {server.process.pid} .a Homeport control plane",
    ):
        second.start()

    assert second.process
    assert second.process.wait(5) == 2
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://me:secret@127.0.0.1:1/x", "me@127.0.0.1:1/x cannot be reached"),
        ("nonsense", "not understood"),
        ("postgresql://me:secret@127.0.0.1:port/x", "not understood"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_without_its_password(tmp_path: Path, url: str, says: str) -> None:
    server = ControlPlane(tmp_path / "data", database_url=url)

    with pytest.raises(AssertionError, match=says) as failed:
        server.start()

    assert "secret" not in str(failed.value) + server.log.read_text()
    assert "Traceback" not in server.log.read_text()


def test_a_given_database_gets_one_tenant_from_two_servers_that_start_at_once(
    empty_database_url: str, tmp_path: Path
) -> None:
    servers = [ControlPlane(tmp_path / name, database_url=empty_database_url) for name in ("a", "b")]

    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda server: server.start(), servers))
    keys = [str(answer["admin_key"]) for answer in answers if "admin_key" in answer]

    assert len(keys) == 1
    assert [answer["database"] for answer in answers] == ["external"] * 2
    assert {Api(server.url, keys[0]).ask("{ viewer { kind } }").status for server in servers} == {200}
    assert [server.stop() for server in servers] == [0, 0]


def test_a_run_made_at_one_server_wakes_a_poll_at_another_and_a_revocation_ends_it_there(
    empty_database_url: str, tmp_path: Path
) -> None:
    one, other = (ControlPlane(tmp_path / name, database_url=empty_database_url) for name in ("a", "b"))
    admin = Api(one.url, str(one.start()["admin_key"]))
    other.start()
    deployment = admin.deployment()
    agents = Api(other.url, admin.new_key("agent"))
    agent = agents.agent()

    with ThreadPoolExecutor() as threads:
        poll = threads.submit(agents.claim, agent, wait=20)
        _until_polled(admin)
        run = admin.run(deployment["id"])
        claims = poll.result(3).data["claimFlowRuns"]["claims"]
        idle = threads.submit(agents.claim, agent, wait=20)
        _until_polled(admin)
        admin.revoke(str(agents.key))
        refused = idle.result(3)

    assert [claim["flowRunId"] for claim in claims] == [run]
    assert refused.status == 401
    one.stop()
    other.stop()


@pytest.mark.skipif(not DEBIAN.exists(), reason="Debian's PostgreSQL 15 is not installed")
def test_the_oldest_supported_postgres_serves_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.services.postgres import running_cluster

    monkeypatch.setenv("HOMEPORT_TEST_POSTGRES", str(DEBIAN))
    with running_cluster() as cluster:
        server = ControlPlane(tmp_path / "data", database_url=cluster.url("postgres"))
        admin = Api(server.url, str(server.start()["admin_key"]))
        deployment = admin.deployment()
        agents = admin.with_key(admin.new_key("agent"))
        agent = agents.agent()

        run = admin.run(deployment["id"])
        claims = agents.claim(agent).data["claimFlowRuns"]["claims"]

        assert [claim["flowRunId"] for claim in claims] == [run]
        assert server.stop() == 0


def test_it_ends_with_its_parent_when_asked_to(tmp_path: Path) -> None:
    data = reachable(tmp_path) / "data"
    command = [sys.executable, "-m", "homeport_control_plane", "serve", "--port", "0", "--data-dir", str(data)]
    command += ["--die-with-parent"]
    script = f"import subprocess; p = subprocess.Popen({command!r}); print(p.pid, flush=True); p.wait()"
    with (tmp_path / "log").open("wb") as log:
        parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=log, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    eventually(lambda: "ready at" in (tmp_path / "log").read_text(), what="the server is ready")

    parent.kill()
    parent.wait()

    eventually(lambda: not _runs(child), what="the server ends too", within=10)


def test_an_idle_server_with_its_postgres_stays_small(server: ControlPlane) -> None:
    assert server.process
    family = [server.process.pid, *(child.pid for child in psutil.Process(server.process.pid).children(recursive=True))]

    megabytes = sum(_pss(pid) for pid in family) / 1024

    assert megabytes <= 120, megabytes


def _until_polled(admin: Api) -> None:
    query = "{ agents(first: 1) { nodes { lastSeenAt registeredAt } } }"
    before = admin.ask(query).data["agents"]["nodes"][0]["lastSeenAt"]
    reached = threading.Event()

    def polled() -> bool:
        (agent,) = admin.ask(query).data["agents"]["nodes"]
        if agent["lastSeenAt"] > agent["registeredAt"] and agent["lastSeenAt"] >= before:
            reached.set()
        return reached.is_set()

    eventually(polled, what="the agent's poll has arrived")


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
