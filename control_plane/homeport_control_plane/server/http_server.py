"""uvicorn as a part of our process: no signal handlers, and one socket that is listening already."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from homeport_control_plane.edge.app import App

GRACE = 2
KEEP_ALIVE = 75
TICK_SECONDS = 1.0
SOCKET_MESSAGE = 1024 * 1024


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop_asked = asyncio.Event()

    async def main_loop(self) -> None:
        """As uvicorn's, which looks ten times a second whether it shall stop: most of what an idle server cost."""
        while not await self.on_tick(0):  # makes the Date header anew
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stop_asked.wait(), TICK_SECONDS)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves the app on the socket until told to stop."""

    def __init__(self, app: App, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="websockets-sansio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
            ws_max_size=SOCKET_MESSAGE,
            ws_per_message_deflate=False,
        )
        self._uvicorn = _Uvicorn(config)
        self._listener = listener
        self._done = asyncio.Event()

    async def serve(self) -> None:
        """Returns after `stop`, when the last answer is sent or its grace is over."""
        try:
            await self._uvicorn.serve(sockets=[self._listener])
        finally:
            self._done.set()

    async def started(self) -> None:
        """Returns once connections are taken, or serving has failed."""
        while not self._uvicorn.started and not self._done.is_set():  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.002)

    def stop(self) -> None:
        """Takes no new connection and closes each old one after its answer."""
        self._uvicorn.should_exit = True

    async def stopped(self) -> None:
        """Returns once every connection is closed."""
        # Not in `stop`: by now the app has closed its sockets in its own words (1001), which uvicorn would forestall.
        self._uvicorn.stop_asked.set()
        await self._done.wait()
