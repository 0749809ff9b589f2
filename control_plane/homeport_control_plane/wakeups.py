"""Waking whoever waits: one LISTEN connection a server process, fanned out in process by topic.

Topics: `queue:<tenant>:<queue name>`, `agent:<agent id>`, `run:<flow run id>`, `agents:<tenant>`, `keys:<tenant>`. A wake-up is a
hint, never a message: whoever is woken looks at the database, and looks now and then without being woken.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings


class Waiter:
    """Somebody who waits for any of some topics; made by `Wakeups.waiter`, used as an async context manager.

    Wake-ups that arrive between `__aenter__` and `wait`, or between two waits, are not lost.
    """

    async def __aenter__(self) -> Waiter:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    async def wait(self, timeout: float) -> bool:
        """True as soon as a topic was announced, False after `timeout` seconds or once the wake-ups are stopping."""
        raise NotImplementedError


class Wakeups:
    """The LISTEN connection and the waiters of this process."""

    def __init__(self, url: str, *, timings: Timings = DEFAULT_TIMINGS) -> None:
        raise NotImplementedError

    async def start(self) -> None:
        """Connects, and stays connected until `stop`; never raises because the database is away."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Wakes every waiter for good and disconnects."""
        raise NotImplementedError

    @property
    def stopping(self) -> bool:
        """True once `stop` was called: held polls answer at once."""
        raise NotImplementedError

    def announce(self, topics: Iterable[str]) -> None:
        """Wakes this process's waiters at once and tells the other servers by a NOTIFY that is shared with its neighbours."""
        raise NotImplementedError

    def waiter(self, *topics: str) -> Waiter:
        """A waiter for any of these topics."""
        raise NotImplementedError
