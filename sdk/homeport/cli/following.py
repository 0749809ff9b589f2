"""Following a run: its states and log lines as they come, without a gap and without a duplicate.

They come by subscription. While the WebSocket cannot be had (a proxy that does not let it through, a control plane
that restarts) the run is asked about instead. Either way the cursor of the last line seen says where to go on, so it
does not matter which of the two delivered what, nor how often the connection was lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeport.cli.states import FINAL
from homeport.client.errors import NotFoundError

if TYPE_CHECKING:
    from homeport.client import Client

POLL_SECONDS = 1.0
TICK_SECONDS = 1.0
SOCKET_AGAIN_SECONDS = 20.0
PAGE = 1000


@dataclass(frozen=True, slots=True)
class RunSeen:
    """The run as it is now."""

    run: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LinesSeen:
    """Log lines not seen before, in order."""

    lines: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened for a moment."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The connection was lost; following goes on by itself."""

    message: str


Update = RunSeen | LinesSeen | Tick | Trouble


class Follower:
    """Follows one run until it is final and all its lines are there."""

    def __init__(
        self,
        client: Client,
        run_id: str,
        *,
        after: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._client = client
        self._run_id = run_id
        self._cursor = after
        self._clock = clock
        self._sleep = sleep
        self._final = False

    def updates(self) -> Iterator[Update]:
        """What happens, as it happens; ends after the last line of a final run. Raises what is refused."""
        from homeport.client import Unreachable, retry_delay

        failures = 0
        socket_again = self._clock()
        while not self._final:
            try:
                if self._clock() >= socket_again:
                    socket_again = self._clock() + SOCKET_AGAIN_SECONDS
                    yield from self._stream()
                    failures = 0
                else:
                    yield from self._poll()
                    failures = 0
                    yield from self._pause(0.0 if self._final else POLL_SECONDS)
            except Unreachable as error:
                failures += 1
                # The first failure may be the WebSocket's alone: asking will tell.
                if failures == 2:
                    yield Trouble(f"{error.message} Trying again ...")
                if failures > 1:
                    yield from self._pause(retry_delay(error, failures, longest=5.0) or POLL_SECONDS)
        yield from self._rest()

    def _stream(self) -> Iterator[Update]:
        from homeport.client.subscriptions import Subscriptions

        with Subscriptions(self._client.url, self._client.key) as socket:
            socket.subscribe("flowRunChanged", {"id": self._run_id})
            socket.subscribe("flowRunLogs", {"id": self._run_id, "after": self._cursor})
            while not self._final:
                received = socket.receive(TICK_SECONDS)
                if received is None:
                    yield Tick()
                    continue
                operation, value = received
                if value is None:
                    return  # ended by the other side, which for a final run says that all is told; asking will tell
                yield from self._run(value) if operation == "flowRunChanged" else self._lines(value)

    def _poll(self) -> Iterator[Update]:
        run = self._client.execute("flowRunProgress", {"id": self._run_id})["flowRun"]
        if run is None:
            raise NotFoundError(f"The flow run {self._run_id} is not there any more.")
        yield from self._rest()
        yield from self._run(run)

    def _rest(self) -> Iterator[Update]:
        """The lines that are there and were not seen."""
        while True:
            variables = {"id": self._run_id, "first": PAGE, "after": self._cursor, "filter": {}}
            answer = self._client.execute("flowRunLogLines", variables, retry_for=30.0 if self._final else 0.0)
            logs = answer["flowRun"]["logs"]
            yield from self._lines(logs["nodes"])
            if not logs["pageInfo"]["hasNextPage"] or not logs["nodes"]:
                return

    def _run(self, run: Mapping[str, Any]) -> Iterator[Update]:
        self._final = run["state"]["type"] in FINAL
        if self._final:
            yield from self._rest()  # so that the lines stand before the state that ended the run
        yield RunSeen(run)

    def _lines(self, lines: list[dict[str, Any]]) -> Iterator[Update]:
        if lines:
            self._cursor = lines[-1]["cursor"]
            yield LinesSeen(lines)

    def _pause(self, seconds: float) -> Iterator[Update]:
        if seconds:
            self._sleep(seconds)
        yield Tick()
