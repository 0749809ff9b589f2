"""`admin-key`: whoever has the database gets a new admin key, and nobody is told anything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import reachable
from tests.services.api import Api
from tests.services.control_plane import ControlPlane


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlPlane]:
    running = ControlPlane(reachable(tmp_path) / "data")
    running.start()
    yield running
    running.stop()


def admin_key(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "homeport_control_plane", "admin-key", *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60)


def test_the_key_of_a_running_server_works_at_once_and_again_makes_another(server: ControlPlane) -> None:
    made = [admin_key("--data-dir", str(server.data_dir)) for _ in range(2)]

    keys = {one.stdout.strip() for one in made}
    assert len(keys) == 2
    for key in keys:
        assert Api(server.url, key).ask("{ viewer { kind } }").data == {"viewer": {"kind": "admin"}}


def test_a_stopped_servers_database_is_started_for_the_moment(server: ControlPlane) -> None:
    server.stop()

    made = admin_key("--json", "--data-dir", str(server.data_dir))

    assert not (server.data_dir / "postgres" / "postmaster.pid").exists()
    server.start()
    key = json.loads(made.stdout)["admin_key"]
    assert Api(server.url, key).ask("{ viewer { kind } }").status == 200


def test_a_given_database_is_read_from_the_environment_by_both_commands(
    empty_database_url: str, tmp_path: Path
) -> None:
    before = admin_key(HOMEPORT_DATABASE_URL=empty_database_url)
    server = ControlPlane(tmp_path / "data", environment={"HOMEPORT_DATABASE_URL": empty_database_url})
    started = server.start()

    made = admin_key(HOMEPORT_DATABASE_URL=empty_database_url)

    assert before.returncode == 2
    assert "no server has used it yet" in before.stderr
    assert "Traceback" not in before.stderr
    assert started["database"] == "external"
    assert Api(server.url, made.stdout.strip()).ask("{ viewer { kind } }").status == 200
    assert server.stop() == 0
