"""Our PostgreSQL over the life of a server: started before anything else, restarted when it is killed, stopped last."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import time
from pathlib import Path

from homeport_control_plane.embedded_postgres import binaries, postmaster
from homeport_control_plane.embedded_postgres.data_folder import SUPERUSER, DataFolder, FolderLock, account_name
from homeport_control_plane.startup_errors import StartupError

log = logging.getLogger("homeport.postgres")

START_WITHIN = 60.0


class EmbeddedPostgres:
    """One PostgreSQL in one data folder; the port stays the same over its restarts."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._port = 0

    def start(self) -> str:
        """Starts it, makes the database first if there is none, and answers its address. Raises StartupError."""
        self._lock = FolderLock(self._data_dir)
        self._folder = DataFolder(self._data_dir)
        if self._folder.base != self._folder.data_dir:
            log.warning(
                "%s cannot be reached by %s; the database lies in %s",
                self._folder.data_dir,
                account_name(self._folder.account),
                self._folder.base,
            )
        self._binaries = binaries.within_reach(
            binaries.find(self._folder.made_by), self._folder.account, self._folder.substitutes
        )
        self._version = binaries.major_version(self._binaries)
        if orphan := postmaster.stop_orphan(self._folder):
            log.warning("stopped PostgreSQL process %d that an earlier server left behind", orphan)
        if self._folder.made_by is None:
            log.info("making a database in %s as %s", self._folder.cluster, account_name(self._folder.account))
            self._folder.make_cluster(self._binaries)
        password = self._folder.password()
        self._spawn_on_free_port()
        return _address(password, self._port)

    @property
    def place(self) -> Path:
        """The folder in which the database lies, once it was started."""
        return self._folder.base

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def keep_running(self) -> None:
        """Restarts PostgreSQL whenever it ends, until `stop`; runs on the main thread's event loop."""
        while not self._stopping:
            assert self._process is not None
            await _ended(self._process)
            if self._stopped():
                return
            log.error("PostgreSQL ended with code %s; starting it again", self._process.returncode)
            await self._restart()

    def stop(self, *, patience: float = 2.0) -> None:
        """Stops it, in order if that takes no longer than `patience` seconds, and gives the data folder up."""
        self._stopping = True
        if self._process is not None:
            postmaster.stop(self._process, patience=patience)
        self._lock.release()

    def _stopped(self) -> bool:
        return self._stopping

    def _spawn_on_free_port(self, tries: int = 5) -> None:
        while True:
            tries -= 1
            self._port = postmaster.free_port()
            self._process = self._spawn()
            try:
                deadline = time.monotonic() + START_WITHIN
                while not postmaster.ready(self._folder, self._process):
                    self._check_deadline(deadline)
                    time.sleep(0.005)
            except StartupError:
                # Between looking for a free port and taking it, somebody else may have.
                if tries == 0:
                    self._lock.release()
                    raise
            else:
                return

    def _check_deadline(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            assert self._process is not None
            postmaster.stop(self._process)
            raise StartupError(
                f"PostgreSQL was not ready within {START_WITHIN:.0f} s.", hint=f"Its log is {self._folder.log}."
            )

    async def _restart(self) -> None:
        delay = 0.02
        while not self._stopping:
            self._process = self._spawn()
            try:
                while not postmaster.ready(self._folder, self._process):  # noqa: ASYNC110 - a file says so
                    await asyncio.sleep(0.01)
            except StartupError as error:
                # Until the killed one's last child has let go of the shared memory, a new one refuses to start.
                log.warning("%s", error.message.splitlines()[-1])
                await asyncio.sleep(delay)
                delay = min(delay * 2, 1.0)
            else:
                log.info("PostgreSQL runs again as process %d", self._process.pid)
                return

    def _spawn(self) -> subprocess.Popen[bytes]:
        return postmaster.spawn(self._folder, self._binaries, port=self._port, version=self._version)


def running_address(data_dir: Path) -> str | None:
    """The address of the PostgreSQL that a running server keeps in this folder; None while none runs."""
    folder = DataFolder(data_dir)
    port = postmaster.running_port(folder)
    return None if port is None else _address(folder.password(), port)


def _address(password: str, port: int) -> str:
    return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres"


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Returns once the process has ended; by its pidfd where there is one, so that waiting costs nothing."""
    if not hasattr(os, "pidfd_open"):
        while process.poll() is None:  # noqa: ASYNC110 - nothing tells us here
            await asyncio.sleep(0.2)
        return
    if process.poll() is not None:
        return
    descriptor = os.pidfd_open(process.pid)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    process.wait()
