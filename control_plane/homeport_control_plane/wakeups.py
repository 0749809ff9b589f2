"""Waking whoever waits: one LISTEN connection a server process, fanned out in process by topic.

Topics: `queue:<tenant>:<queue name>`, `agent:<agent id>`, `run:<flow run id>`, `agents:<tenant>`, `keys:<tenant>`. A
wake-up is a hint, never a message: whoever is woken looks at the database.

A queue's topic is *shared* by the agents that wait for it: one of them is woken, and passes the wake-up on when it
has looked, so that a thousand idle agents are not a thousand claims for one run. The net below is a slow look at what
is due, once a process, which announces to this process alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from types import TracebackType
from typing import Any
from uuid import uuid4

import asyncpg

from homeport_control_plane.database import load_sql, translated
from homeport_control_plane.errors import DatabaseUnavailable
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

log = logging.getLogger("homeport.wakeups")
SQL = load_sql("wakeups")
_CHANNEL = "homeport"
_PAYLOAD = 7000


class Waiter:
    """Somebody who waits for any of some topics; made by `Wakeups.waiter`, used as an async context manager.

    Wake-ups that arrive between `__aenter__` and `wait`, or between two waits, are not lost.
    """

    def __init__(self, wakeups: Wakeups, topics: tuple[str, ...], shared: tuple[str, ...]) -> None:
        self._wakeups = wakeups
        self._topics = topics
        self._shared = shared
        self._event = asyncio.Event()
        # For each shared topic the last announcement that this waiter has looked after.
        self._seen: dict[str, int] = {}
        self._carried: list[str] = []

    async def __aenter__(self) -> Waiter:
        self._wakeups._enter(self, self._topics, self._shared)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wakeups._leave(self, self._topics, self._shared)
        # A poll that is cut off while it looks must not take the wake-up with it.
        self.looked(more=True)

    async def wait(self, timeout: float) -> bool:
        """True as soon as a topic was announced, False after `timeout` seconds or once the wake-ups are stopping."""
        if timeout > 0 and not self._event.is_set():
            self._wakeups._waiting += 1
            try:
                await asyncio.wait_for(self._event.wait(), timeout)
            except TimeoutError:
                return False
            finally:
                self._wakeups._waiting -= 1
        woken = self._event.is_set() and not self._wakeups.stopping
        self._event.clear()
        return woken and timeout > 0

    def looked(self, *, more: bool) -> None:
        """Says that this waiter has looked; if there is `more`, the next one that shares its wake-up is woken."""
        carried, self._carried = self._carried, []
        for topic in carried if more else ():
            self._wakeups._wake_next(topic)

    def _wake(self, topic: str | None = None) -> None:
        if topic is not None:
            self._carried.append(topic)
        self._event.set()


class Wakeups:
    """The LISTEN connection and the waiters of this process."""

    def __init__(self, url: str, *, timings: Timings = DEFAULT_TIMINGS) -> None:
        self._url = url
        self._timings = timings
        self._origin = uuid4().hex[:12]
        self._stopping = False
        self._waiting = 0
        self._connection: Any = None
        self._task: asyncio.Task[None] | None = None
        self._sender: asyncio.Task[None] | None = None
        # One statement at a time on the one connection.
        self._busy = asyncio.Lock()
        self._lost = asyncio.Event()
        self._unsent: dict[str, None] = {}
        self._to_send = asyncio.Event()
        self._waiters: defaultdict[str, dict[Waiter, None]] = defaultdict(dict)
        self._sharers: defaultdict[str, dict[Waiter, None]] = defaultdict(dict)
        self._announced: dict[str, int] = {}

    async def start(self) -> None:
        """Connects, and stays connected until `stop`; never raises because the database is away."""
        try:
            await self._connect()
        except DatabaseUnavailable as error:
            log.warning("wake-ups: %s; connecting again", error)
        self._task = asyncio.create_task(self._stay_connected(), name="wakeups")
        self._sender = asyncio.create_task(self._send(), name="wakeups sender")

    async def stop(self) -> None:
        """Wakes every waiter for good and disconnects."""
        self._stopping = True
        for waiters in (*self._waiters.values(), *self._sharers.values()):
            for waiter in list(waiters):
                waiter._wake()
        tasks = [task for task in (self._task, self._sender) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._connection is not None:
            self._connection.terminate()

    @property
    def stopping(self) -> bool:
        """True once `stop` was called: held polls answer at once."""
        return self._stopping

    @property
    def waiting(self) -> int:
        """How many waiters of this process wait now."""
        return self._waiting

    def waiter(self, *topics: str, shared: Iterable[str] = ()) -> Waiter:
        """A waiter for any of these topics. Of the waiters of a `shared` topic one at a time is woken."""
        return Waiter(self, topics, tuple(shared))

    def announce(self, topics: Iterable[str]) -> None:
        """Wakes this process's waiters at once, and other servers' by a NOTIFY shared with its neighbours."""
        for topic in topics:
            self._wake(topic)
            self._unsent[topic] = None
        if self._unsent:
            self._to_send.set()

    def _enter(self, waiter: Waiter, topics: tuple[str, ...], shared: tuple[str, ...]) -> None:
        for topic in topics:
            self._waiters[topic][waiter] = None
        for topic in shared:
            self._sharers[topic][waiter] = None
            waiter._seen[topic] = self._announced.get(topic, 0)
        if self._stopping:
            waiter._wake()

    def _leave(self, waiter: Waiter, topics: tuple[str, ...], shared: tuple[str, ...]) -> None:
        for registry, names in ((self._waiters, topics), (self._sharers, shared)):
            for topic in names:
                registry[topic].pop(waiter, None)
                if not registry[topic]:
                    del registry[topic]
        for topic in shared:
            if topic not in self._sharers:
                self._announced.pop(topic, None)

    def _wake(self, topic: str) -> None:
        for waiter in list(self._waiters.get(topic, ())):
            waiter._wake()
        if topic in self._sharers:
            self._announced[topic] = self._announced.get(topic, 0) + 1
            self._wake_next(topic)

    def _wake_next(self, topic: str) -> None:
        """Wakes the sharer that has waited longest of those that have not looked since the last announcement."""
        last = self._announced.get(topic, 0)
        for waiter in self._sharers.get(topic, ()):
            if waiter._seen[topic] < last:
                waiter._seen[topic] = last
                waiter._wake(topic)
                return

    async def _connect(self) -> None:
        with translated():
            connection = await asyncpg.connect(
                self._url, timeout=10, server_settings={"application_name": "homeport wakeups", "timezone": "UTC"}
            )
            await connection.add_listener(_CHANNEL, self._heard)
        self._lost.clear()
        connection.add_termination_listener(lambda _: self._lost.set())
        self._connection = connection

    async def _stay_connected(self) -> None:
        delay = 0.05
        while True:
            try:
                if self._connection is None or self._connection.is_closed():
                    await self._connect()
                    log.info("wake-ups: connected")
                delay = 0.05
                pause = await self._look()
                await self._until_lost(pause)
            except DatabaseUnavailable as error:
                log.warning("wake-ups: %s; connecting again", error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2.0)
            except Exception:
                log.exception("wake-ups failed; connecting again")
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2.0)

    async def _look(self) -> float:
        """Announces here what is due, and answers how many seconds to wait for the next look."""
        async with self._busy:
            with translated():
                rows = await self._connection.fetch(SQL["due"])
        for row in rows:
            if row["due"]:
                self._wake(f"queue:{row['tenant_id']}:{row['name']}")
        pauses = [self._timings.slow_scan]
        pauses += [max(0.001, float(row["seconds"])) for row in rows if row["seconds"] is not None]
        return min(pauses)

    async def _until_lost(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._lost.wait(), seconds)
        except TimeoutError:
            return

    async def _send(self) -> None:
        """Tells the other servers what was announced here; announcements close together share one statement."""
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            topics, self._unsent = list(self._unsent), {}
            started = time.monotonic()
            try:
                if self._connection is not None and not self._connection.is_closed():
                    await self._notify(topics)
            except (DatabaseUnavailable, asyncpg.PostgresError) as error:
                # The slow look of the other servers finds what they were not told.
                log.warning("wake-ups were not told to other servers: %s", error)
            await asyncio.sleep(max(0.0, self._timings.notify_gap - (time.monotonic() - started)))

    async def _notify(self, topics: list[str]) -> None:
        payloads: list[str] = []
        part = self._origin
        for topic in topics:
            if len((part + topic).encode()) > _PAYLOAD:
                payloads.append(part)
                part = self._origin
            part += "\n" + topic
        payloads.append(part)
        async with self._busy:
            with translated():
                await self._connection.execute(SQL["notify"], _CHANNEL, payloads)

    def _heard(self, connection: object, pid: int, channel: str, payload: str) -> None:
        origin, *topics = payload.split("\n")
        if origin != self._origin:
            for topic in topics:
                self._wake(topic)
