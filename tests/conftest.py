"""What all tests share: real servers on demand, and the rule that CI skips nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.control_plane import ControlPlane
from tests.services.docker_world import docker_world as docker_world
from tests.services.docker_world import docker_world_of_session as docker_world_of_session
from tests.services.docker_world import homeport_wheel as homeport_wheel
from tests.services.samba import PASSWORD_VARIABLE, Samba
from tests.services.stack import Stack


@pytest.fixture(scope="session")
def shared_control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One control plane for all tests of a worker that do not hurt it."""
    server = ControlPlane(reachable(tmp_path_factory.mktemp("server")) / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def stack(shared_control_plane: ControlPlane, tmp_path: Path) -> Iterator[Stack]:
    """A user with an empty home folder and the admin key of the shared control plane."""
    world = Stack(tmp_path, shared_control_plane)
    yield world
    world.close()


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A user with a control plane of their own, for tests that kill it."""
    server = ControlPlane(reachable(tmp_path) / "data")
    server.start()
    world = Stack(tmp_path, server)
    yield world
    world.close()
    server.stop()


@pytest.fixture(scope="session")
def samba() -> Iterator[Samba]:
    """A running Samba; whoever kills it starts it again."""
    server = Samba()
    os.environ[PASSWORD_VARIABLE] = server.password
    try:
        server.start()
        yield server
    finally:
        del os.environ[PASSWORD_VARIABLE]
        server.stop()


def reachable(folder: Path) -> Path:
    """The same folder, passable for the unprivileged user that PostgreSQL runs as when the tests run as root."""
    for part in (folder, *folder.parents):
        if part.stat().st_uid == os.getuid() and len(part.parts) > 2:
            part.chmod(part.stat().st_mode | 0o011)
    return folder


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A skipped test in CI is a failure: what is not run is not known."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and exitstatus == 0 and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
