"""`homeport server`: started, looked at and stopped as a user does, on a home folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import reachable
from tests.services.control_plane import free_port
from tests.services.waiting import eventually

PROGRAM = str(Path(sys.executable).with_name("homeport"))


@dataclass
class Home:
    """An empty home folder, and the program on it."""

    folder: Path
    port: int

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOMEPORT_")}
        return kept | {"HOMEPORT_HOME": str(self.folder), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *arguments], env=self.environment(), cwd=self.folder, capture_output=True, text=True, timeout=60
        )

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("server", "start", "--detach", "--port", str(self.port), *arguments)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    folder = reachable(tmp_path) / "home"
    folder.mkdir()
    world = Home(folder, free_port())
    yield world
    world.run("server", "stop")


def test_the_first_start_shows_the_admin_key_once_and_logs_this_user_in(home: Home) -> None:
    first = home.start()
    status = home.run("auth", "status", "--json")
    stopped = home.run("server", "stop")
    second = home.start()

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("hp_admin_")
    assert f"http://127.0.0.1:{home.port}" in first.stderr
    assert json.loads(status.stdout)["apiUrl"] == f"http://127.0.0.1:{home.port}"
    assert stopped.returncode == 0
    assert second.stdout == ""
    assert home.run("get", "projects").returncode == 0


def test_the_same_control_plane_on_another_port_is_found_with_the_same_key(home: Home) -> None:
    home.start()
    home.run("server", "stop")
    moved = Home(home.folder, free_port())

    moved.start()

    assert json.loads(moved.run("auth", "status", "--json").stdout)["apiUrl"] == f"http://127.0.0.1:{moved.port}"


def test_status_tells_what_runs_and_its_exit_code_whether_anything_does(home: Home) -> None:
    before = home.run("server", "status", "--json")
    home.start()
    running = home.run("server", "status", "--json")
    home.run("server", "stop")
    after = home.run("server", "status")

    assert (before.returncode, json.loads(before.stdout)) == (1, {"running": False})
    assert running.returncode == 0
    seen = json.loads(running.stdout)
    assert seen["url"] == f"http://127.0.0.1:{home.port}"
    assert seen["database"] == "embedded"
    assert after.returncode == 1


def test_a_second_start_says_what_runs_already(home: Home) -> None:
    home.start()

    again = home.start()

    assert again.returncode == 1
    assert "runs already" in again.stderr
    assert "homeport server stop" in again.stderr


def test_a_taken_port_fails_at_once_and_says_who_has_it(home: Home, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.port))
        other.listen()
        by_a_stranger = home.start()
    home.start()
    neighbour = Home(tmp_path / "neighbour", home.port)
    neighbour.folder.mkdir()
    by_homeport = neighbour.start()

    assert by_a_stranger.returncode == 1
    assert "another program" in by_a_stranger.stderr
    assert by_homeport.returncode == 1
    assert "a Homeport control plane" in by_homeport.stderr
    assert "hint:" in by_homeport.stderr


def test_a_killed_control_plane_is_not_taken_for_a_running_one(home: Home) -> None:
    home.start()
    pid = json.loads(home.run("server", "status", "--json").stdout)["pid"]

    os.kill(pid, signal.SIGKILL)

    eventually(lambda: home.run("server", "status").returncode == 1, what="status notices", every=0.2)
    assert home.start().returncode == 0


def test_the_log_of_a_control_plane_in_the_background_can_be_read(home: Home) -> None:
    missing = home.run("server", "logs")
    home.start()

    shown = home.run("server", "logs", "--tail", "50")

    assert missing.returncode == 3
    assert "ready at" in shown.stdout


def test_in_the_foreground_it_ends_with_its_signal_and_leaves_nothing_behind(home: Home) -> None:
    process = subprocess.Popen(
        [PROGRAM, "server", "start", "--port", str(home.port)],
        env=home.environment(),
        cwd=home.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: home.run("server", "status").returncode == 0, what="it runs", every=0.2, within=30)

    process.send_signal(signal.SIGTERM)

    assert process.wait(20) == 0
    assert home.run("server", "status").returncode == 1
