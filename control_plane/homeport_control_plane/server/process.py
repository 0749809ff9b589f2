"""The life of the server process: socket, database, migrations, first key, ready; then serve; then the way back, in
order.

One process, one thread that matters. PostgreSQL of our own is started before the event loop, from the main thread,
because it is to die with exactly that.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from homeport_control_plane import __version__, tenants
from homeport_control_plane.api.context import Services
from homeport_control_plane.api.schema import build
from homeport_control_plane.database import Database
from homeport_control_plane.edge.app import App
from homeport_control_plane.embedded_postgres import EmbeddedPostgres
from homeport_control_plane.loops.loop import run_loops
from homeport_control_plane.server import logs
from homeport_control_plane.server.database_start import prepare
from homeport_control_plane.server.http_server import HttpServer
from homeport_control_plane.server.listening import listen, url_of
from homeport_control_plane.server.readiness import Readiness
from homeport_control_plane.server.settings import ServerSettings
from homeport_control_plane.startup_errors import StartupError
from homeport_control_plane.timings import Timings, from_environment
from homeport_control_plane.wakeups import Wakeups

log = logging.getLogger("homeport.server")

STARTUP_FAILED = 2
POOL_SIZE = 12
PATIENCE = 4.0


def serve(settings: ServerSettings) -> int:
    """Runs the server until SIGTERM or SIGINT; the exit code: 0, or 2 when it could not start."""
    logs.configure(settings.log_format)
    if settings.die_with_parent:
        _die_with_parent()
    # Who dies with its parent was started by a command that waits, and that tells the person in front of it.
    readiness = Readiness(settings.ready_fd, is_told=settings.die_with_parent)
    postgres: EmbeddedPostgres | None = None
    try:
        timings = from_environment(os.environ)
        listener = listen(settings.host, settings.port)
        url = settings.database_url
        if url is None:
            postgres = EmbeddedPostgres(settings.data_dir)
            url = postgres.start()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_Server(settings, timings, listener, url, postgres, readiness).run())
    except StartupError as error:
        readiness.failed(error)
        return STARTUP_FAILED
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        hint = f"Is {settings.data_dir} writable, and the disk not full? Another folder: --data-dir."
        readiness.failed(StartupError(f"The server ended: {error.strerror or error}{where}.", hint=hint))
        return STARTUP_FAILED
    finally:
        if postgres is not None:
            postgres.stop()
    return 0


class _Server:
    def __init__(
        self,
        settings: ServerSettings,
        timings: Timings,
        listener: socket.socket,
        database_url: str,
        postgres: EmbeddedPostgres | None,
        readiness: Readiness,
    ) -> None:
        self._settings = settings
        self._timings = timings
        self._listener = listener
        self._database_url = database_url
        self._postgres = postgres
        self._readiness = readiness
        self._stop = asyncio.Event()

    async def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        watch = asyncio.ensure_future(self._postgres.keep_running()) if self._postgres is not None else None
        try:
            admin_key = await self._first_key()
            await self._serve(admin_key)
        finally:
            if watch is not None:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)

    async def _first_key(self) -> str | None:
        await prepare(self._database_url)
        db = await Database.open(self._database_url, min_size=1, max_size=1)
        try:
            return await tenants.bootstrap(db)
        finally:
            await db.close()

    async def _serve(self, admin_key: str | None) -> None:
        db = await Database.open(self._database_url, max_size=POOL_SIZE)
        wakeups = Wakeups(self._database_url, timings=self._timings)
        db.on_announce = wakeups.announce
        await wakeups.start()
        app = App(Services(db, wakeups, self._timings), build()._schema, time.monotonic)
        http = HttpServer(app, self._listener)
        loops = run_loops(db, self._stop, self._timings)
        async with _running(loops, self._stop.set), _running(http.serve(), self._stop.set):
            await http.started()
            self._tell_ready(admin_key)
            await self._stop.wait()
            log.info("stopping")
            self._give_up_after(PATIENCE)
            # In this order: no new connection, held polls answered, sockets closed, answers sent, loops ended.
            http.stop()
            await wakeups.stop()
            await app.close()
            await http.stopped()
        await db.close()
        log.info("stopped")

    def _give_up_after(self, seconds: float) -> None:
        """Ends the process even if a database that does not answer keeps something from ending."""

        def give_up() -> None:
            log.warning("stopping took longer than %.0f s; what was left is cut off", seconds)
            if self._postgres is not None:
                self._postgres.stop(patience=0.0)
            os._exit(0)

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()

    def _tell_ready(self, admin_key: str | None) -> None:
        url = url_of(self._settings.host, self._listener)
        database = "external" if self._postgres is None else "embedded"
        log.info("ready at %s (version %s, %s database)", url, __version__, database)
        place = None if self._postgres is None else str(self._postgres.place)
        self._readiness.ready(
            url=url, pid=os.getpid(), version=__version__, database=database, place=place, admin_key=admin_key
        )


@contextlib.asynccontextmanager
async def _running(work: Coroutine[Any, Any, None], failed: Callable[[], None]) -> AsyncIterator[None]:
    """Runs the work beside what is inside; it gets a second to end by itself. If it fails, `failed` is called."""
    task = asyncio.ensure_future(work)

    def look(done: asyncio.Future[None]) -> None:
        if not done.cancelled() and (error := done.exception()):
            log.critical("a part of the server failed; stopping", exc_info=error)
            failed()

    task.add_done_callback(look)
    try:
        yield
    finally:
        await asyncio.wait((task,), timeout=1.0)
        task.cancel()
        await asyncio.wait((task,), timeout=0.5)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


def _die_with_parent() -> None:
    """SIGTERM for us when whoever started us ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))
        if os.getppid() == 1:
            os.kill(os.getpid(), signal.SIGTERM)
