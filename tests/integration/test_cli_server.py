"""`homeport server`: started, looked at and stopped as a user does, on a home folder of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
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

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment() | environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("server", "start", "--detach", "--port", str(self.port), *arguments, **environment)

    def pid(self) -> int:
        return int(json.loads(self.run("server", "status", "--json").stdout)["pid"])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    folder = reachable(tmp_path) / "home"
    (folder / "server").mkdir(parents=True)  # else it is made for its owner only, and PostgreSQL moves out as root
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that the database's user cannot reach")
def test_where_the_database_lies_is_told_when_it_is_not_in_the_home_folder(home: Home) -> None:
    home.folder.chmod(0o700)

    started = home.start()
    seen = json.loads(home.run("server", "status", "--json").stdout)
    shown = home.run("server", "status").stdout
    home.run("server", "stop")

    place = Path(seen["databaseDir"])
    try:
        assert f"Its database lies in {place}" in started.stderr
        assert (place / "postgres").is_dir()
        assert not (Path(seen["dataDir"]) / "postgres").exists()
        assert f"embedded ({place})" in shown
    finally:
        shutil.rmtree(place)


def test_a_start_that_fails_in_the_foreground_says_why_once(home: Home) -> None:
    refused = home.run(
        "server", "start", "--port", str(home.port), "--database-url", "postgresql://nobody@127.0.0.1:1/x"
    )

    assert refused.returncode == 1
    assert refused.stderr.lower().count("error: the database at nobody@127.0.0.1:1/x cannot be reached") == 1


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
    os.kill(home.pid(), signal.SIGKILL)

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


@pytest.mark.parametrize("by", ["environment", "argument"])
def test_the_password_of_a_given_database_is_on_no_command_line_and_not_in_the_status(
    home: Home, empty_database_url: str, by: str
) -> None:
    password = "not-to-be-seen"
    url = empty_database_url.replace("postgres@", f"postgres:{password}@")

    started = home.start(HOMEPORT_DATABASE_URL=url) if by == "environment" else home.start("--database-url", url)

    assert started.returncode == 0, started.stderr
    shown = home.run("server", "status", "--json").stdout + home.run("server", "status").stdout
    family = [psutil.Process(home.pid()), *psutil.Process(home.pid()).children(recursive=True)]
    seen = [Path(f"/proc/{process.pid}/cmdline").read_text() for process in family]
    assert '"external"' in shown
    assert "homeport_control_plane" in seen[0]
    kept = [path.read_text() for path in (home.folder / "server").rglob("*") if path.is_file()]
    assert not [text for text in [*seen, *kept, shown, started.stderr] if password in text]
    assert ("HOMEPORT_DATABASE_URL" in started.stderr) == (by == "argument")


@pytest.mark.parametrize("running", [True, False])
def test_a_lost_admin_key_is_replaced_whether_the_control_plane_runs_or_not(home: Home, running: bool) -> None:
    first = home.start().stdout.strip()
    (home.folder / "keys.json").unlink()
    locked_out = home.run("get", "projects")
    if not running:
        home.run("server", "stop")

    made = home.run("server", "create-admin-key")

    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("hp_admin_")
    assert made.stdout.strip() != first
    if not running:
        assert home.start().returncode == 0
    assert locked_out.returncode == 4
    names = {key["name"] for key in json.loads(home.run("auth", "list-keys", "--json").stdout)}
    assert names == {"bootstrap", "recovery"}


def test_a_lost_admin_key_of_a_database_of_ones_own_needs_its_address(home: Home, empty_database_url: str) -> None:
    home.start(HOMEPORT_DATABASE_URL=empty_database_url)
    (home.folder / "keys.json").unlink()

    without = home.run("server", "create-admin-key")
    made = home.run("server", "create-admin-key", HOMEPORT_DATABASE_URL=empty_database_url)

    assert without.returncode == 1
    assert "HOMEPORT_DATABASE_URL" in without.stderr
    assert made.returncode == 0, made.stderr
    assert home.run("get", "projects").returncode == 0


def test_no_admin_key_is_made_and_no_database_either_where_no_server_ever_ran(home: Home) -> None:
    refused = home.run("server", "create-admin-key")

    assert refused.returncode == 1
    assert "There is no database in" in refused.stderr
    assert not (home.folder / "server" / "data").exists()
