"""The PostgreSQL of our own: made once, dies with us, comes back when it is killed, and keeps what was acknowledged."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import homeport_control_plane
from homeport_control_plane.embedded_postgres import EmbeddedPostgres, binaries, postmaster
from homeport_control_plane.embedded_postgres.account import account_for
from homeport_control_plane.embedded_postgres.data_folder import DataFolder
from homeport_control_plane.startup_errors import StartupError
from tests.conftest import reachable
from tests.services.api import Api, database_url
from tests.services.control_plane import ControlPlane
from tests.services.waiting import eventually

ROOT = os.geteuid() == 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlPlane]:
    running = ControlPlane(reachable(tmp_path) / "data")
    running.start()
    yield running
    running.stop()


def names(server: ControlPlane) -> set[str]:
    answer = Api(server.url, server.admin_key).ask("{ projects { nodes { name } } }")
    return {node["name"] for node in answer.data["projects"]["nodes"]}


def readable(server: ControlPlane) -> bool:
    """Whether several requests in a row find a connection that works."""
    api = Api(server.url, server.admin_key)
    return all(api.ask("{ projects { nodes { name } } }").status == 200 for _ in range(12))


def create(server: ControlPlane, name: str) -> int:
    api = Api(server.url, server.admin_key)
    return api.ask("mutation($n: String!) { createProject(input: {name: $n}) { __typename } }", n=name).status


def test_killed_postgres_comes_back_with_everything_and_no_request_ends_in_a_500(server: ControlPlane) -> None:
    assert create(server, "before") == 200
    killed = server.postgres_pid()
    assert killed
    statuses: dict[str, int] = {}

    def writes_again() -> bool:
        name = f"p{len(statuses)}"
        back = server.postgres_pid() not in (None, killed)
        statuses[name] = create(server, name)
        return back and statuses[name] == 200

    os.kill(killed, signal.SIGKILL)
    eventually(writes_again, what="it is back")
    eventually(lambda: readable(server), what="every connection is back")

    assert set(statuses.values()) <= {200, 503}
    assert {"before"} | {name for name, status in statuses.items() if status == 200} <= names(server)
    assert server.postgres_pid() != killed
    assert "Traceback" not in server.log.read_text()


def test_a_held_poll_outlives_a_killed_postgres_or_may_be_asked_again(server: ControlPlane) -> None:
    admin = Api(server.url, server.admin_key)
    deployment = admin.deployment()
    agents = admin.with_key(admin.new_key("agent"))
    agent = agents.agent()
    killed = server.postgres_pid()
    assert killed

    os.kill(killed, signal.SIGKILL)
    eventually(lambda: server.postgres_pid() not in (None, killed), what="it is started again")
    eventually(lambda: readable(server), what="every connection is back")
    run = admin.run(deployment["id"])
    claimed = agents.claim(agent, wait=5)

    assert [claim["flowRunId"] for claim in claimed.data["claimFlowRuns"]["claims"]] == [run]


def test_a_database_that_does_not_move_is_said_by_readiness_and_to_whoever_asks(server: ControlPlane) -> None:
    stopped = server.postgres_pid()
    assert stopped
    api = Api(server.url, None)
    assert names(server) == set()
    assert api.post(b"", path="/readyz", method="GET").status == 200

    backends = _backends(stopped)
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        answer = api.post(b"", path="/readyz", method="GET")
        alive = api.post(b"", path="/healthz", method="GET")
        given_up = api.with_key(server.admin_key).ask("{ projects { nodes { name } } }")
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)

    assert (answer.status, alive.status) == (503, 200)
    assert "database" in answer.body["reason"]
    assert (given_up.status, given_up.code) in ((503, "TIMEOUT"), (503, "UNAVAILABLE"))


def test_a_stop_does_not_wait_for_a_database_that_does_not_move(server: ControlPlane) -> None:
    postgres = server.postgres_pid()
    assert server.process
    assert postgres
    assert names(server) == set()
    backends = _backends(postgres)
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)

    with ThreadPoolExecutor() as threads:
        stuck = threads.submit(create, server, "stuck")
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(30)
        for pid in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        stuck.exception()

    assert code == 0
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in backends), what="its processes are gone")


def test_a_killed_server_takes_its_postgres_with_it_and_starts_again_with_everything(server: ControlPlane) -> None:
    acknowledged = {f"p{n}" for n in range(20) if create(server, f"p{n}") == 200}

    server.kill()
    answer = server.start()

    assert "admin_key" not in answer
    assert names(server) == acknowledged


def test_an_orphaned_postgres_is_stopped_first(tmp_path: Path) -> None:
    data = reachable(tmp_path) / "data"
    server = ControlPlane(data)
    server.start()
    server.stop()
    folder = DataFolder(data)
    found = binaries.find(folder.made_by)
    orphan = postmaster.spawn(folder, found, port=postmaster.free_port(), version=18)
    eventually(lambda: postmaster.ready(folder, orphan), what="the orphan runs")

    server.start()

    assert orphan.wait(5) is not None
    assert f"stopped PostgreSQL process {orphan.pid}" in server.log.read_text()
    server.stop()


def test_a_stale_pid_file_of_a_stranger_is_no_obstacle(tmp_path: Path) -> None:
    server = ControlPlane(reachable(tmp_path) / "data")
    server.start()
    server.kill()
    pid_file = server.data_dir / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines() if pid_file.exists() else ["0", str(pid_file.parent), "0", "1", "", ""]
    lines[0] = str(os.getpid())
    pid_file.write_text("\n".join(lines))
    if ROOT:
        owner = pid_file.parent.stat()
        os.chown(pid_file, owner.st_uid, owner.st_gid)

    server.start()

    assert server.stop() == 0


def test_a_second_server_on_the_same_folder_is_told_whose_it_is(server: ControlPlane) -> None:
    assert server.process

    with pytest.raises(AssertionError, match=rf"process {server.process.pid}\) uses the data folder"):
        ControlPlane(server.data_dir).start()

    assert names(server) == set()


def test_a_half_made_database_is_made_anew(tmp_path: Path) -> None:
    data = reachable(tmp_path) / "data"
    (data / "postgres.new-killed" / "cluster").mkdir(parents=True)
    server = ControlPlane(data)

    server.start()

    assert not list(data.glob("postgres.new-*"))
    assert server.stop() == 0


def test_only_the_owner_can_read_the_password_and_the_database_asks_for_it(server: ControlPlane) -> None:
    import asyncio

    import asyncpg

    secret = server.data_dir / "postgres.password"
    wrong = database_url(server).replace(secret.read_text(), "wrong")

    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(asyncpg.connect(wrong))

    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text() not in server.log.read_text()


def test_a_lost_password_is_said(tmp_path: Path) -> None:
    server = ControlPlane(reachable(tmp_path) / "data")
    server.start()
    server.stop()
    (server.data_dir / "postgres.password").unlink()

    with pytest.raises(AssertionError, match=r"postgres\.password is missing"):
        server.start()


def test_a_folder_made_by_another_version_is_said() -> None:
    with pytest.raises(StartupError, match="made by PostgreSQL 99"):
        binaries.find(99)


@pytest.mark.skipif(not ROOT, reason="only root is somebody else than the database's user")
def test_as_root_the_database_runs_as_somebody_else(server: ControlPlane) -> None:
    pid = server.postgres_pid()

    uid = Path(f"/proc/{pid}").stat().st_uid

    assert uid != 0
    assert uid == (server.data_dir / "postgres").stat().st_uid


@pytest.mark.skipif(not ROOT, reason="only root has folders that the database's user cannot reach")
def test_a_closed_folder_of_root_is_replaced_by_one_within_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    substitutes = reachable(tmp_path) / "substitutes"

    folder = DataFolder(closed / "data", substitutes=substitutes)

    assert folder.base.parent == substitutes
    assert DataFolder(closed / "data", substitutes=substitutes).base == folder.base
    assert folder.account
    assert folder.account.can_pass(folder.base)
    assert (folder.base / "belongs_to").read_text().strip() == str(closed / "data")
    shutil.rmtree(closed / "data")
    assert DataFolder(closed / "data", substitutes=substitutes).base != folder.base


@pytest.mark.skipif(not ROOT, reason="only root has folders that the database's user cannot reach")
def test_programs_in_a_closed_folder_of_root_are_copied_out_of_it_once(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    installation = closed / "pg"
    (installation / "bin").mkdir(parents=True)
    (installation / "bin" / "postgres").write_text("#!/bin/sh\n")
    account = account_for(tmp_path / "none")

    first = binaries.within_reach(installation / "bin", account, reachable(tmp_path) / "substitutes")
    again = binaries.within_reach(installation / "bin", account, tmp_path / "substitutes")

    assert first == again
    assert first != installation / "bin"
    assert account
    assert account.can_pass(first)
    assert (first / "postgres").exists()


def test_a_data_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "data" / "server.lock").mkdir(parents=True)
    (tmp_path / "file").write_text("")

    with pytest.raises(AssertionError, match=r"server\.lock.*--data-dir"):
        ControlPlane(tmp_path / "data").start()
    with pytest.raises(StartupError, match="cannot be made"):
        DataFolder(tmp_path / "file" / "data")


@pytest.mark.skipif(not ROOT, reason="the whole suite is an ordinary user's already")
def test_an_ordinary_user_starts_it_just_so(tmp_path: Path) -> None:
    python = shutil.which("python3", path="/usr/bin")
    setpriv = shutil.which("setpriv")
    if not python or not setpriv or sys.version_info[:2] != (3, 11):
        pytest.skip("needs /usr/bin/python3 of the version of this environment, and setpriv")
    home = reachable(tmp_path) / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    packages = Path(homeport_control_plane.__file__).parent.parent
    site = next(path for path in sys.path if path.endswith("site-packages"))
    serve = ["-m", "homeport_control_plane", "serve", "--port", "0", "--data-dir", str(home / "data")]
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", python, *serve, "--ready-fd", str(write_end)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{packages}:{site}", "HOME": str(home)},
        cwd="/",
        pass_fds=[write_end],
    )
    os.close(write_end)
    with os.fdopen(read_end) as ready:
        answer = json.loads(ready.readline() or "{}")

    status = Api(answer["url"], answer["admin_key"]).ask("{ viewer { kind } }").status
    process.send_signal(signal.SIGTERM)

    assert status == 200
    assert process.wait(10) == 0


def test_stopping_twice_does_no_harm(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(reachable(tmp_path) / "data")
    postgres.start()

    postgres.stop()
    postgres.stop()

    assert postgres.pid is None


def _backends(postmaster_pid: int) -> list[int]:
    children = Path(f"/proc/{postmaster_pid}/task/{postmaster_pid}/children").read_text().split()
    return [int(child) for child in children]
