"""How states and log lines leave a run: put on a queue by user code, sent by one background thread.

A task never waits for the network. States leave within some 30 ms, log lines at once when they are rare and once a
second when they are many; every batch is on disk before it is sent, and stays there until it is acknowledged. An empty
batch is the heartbeat.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from homeport.client.errors import (
    ClientError,
    FencedError,
    InvalidInputError,
    InvalidTransitionError,
    NotFoundError,
    Refused,
    Unauthenticated,
)
from homeport.client.retries import retry_delay
from homeport.runtime import events
from homeport.runtime.outbox import Outbox
from homeport.runtime.source_lines import FRAME, without_source

if TYPE_CHECKING:
    from homeport.engine.states import State
    from homeport.runtime.run_client import RunClient

LINGER = 0.03
PAUSE = 0.005
MAX_EVENTS = 5_000
FLUSH_BYTES = 256 * 1024
ENVELOPE_BYTES = 16 * 1024
LONGEST_RETRY = 5.0
REFUSED_SECONDS = 60.0


class EventReporter:
    """The engine's Reporter over HTTP. `on_cancel` is called once from the thread; so is `on_stop`, with a reason."""

    def __init__(
        self,
        client: RunClient,
        attempt_id: str,
        outbox: Outbox,
        *,
        on_cancel: Callable[[], object],
        on_stop: Callable[[str], object],
        heartbeat_seconds: float = 10.0,
        log_flush_seconds: float = 1.0,
        max_batch_bytes: int = 1024 * 1024,
        code_dir: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._attempt_id = attempt_id
        self._outbox = outbox
        self._on_cancel = on_cancel
        self._on_stop = on_stop
        self._heartbeat_seconds = heartbeat_seconds
        self._log_flush_seconds = log_flush_seconds
        self._batch_bytes = max_batch_bytes - ENVELOPE_BYTES
        self._batch_events = MAX_EVENTS
        self._code_dir = code_dir
        self._clock = clock

        self._queue: deque[tuple[Callable[..., str], tuple[object, ...]]] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="homeport-reporter", daemon=True)

        self._state_since: float | None = None
        self._last_sent = clock() - log_flush_seconds
        self._heard_at = clock()
        self._failures = 0
        self._retry_at = 0.0
        self._cancel_told = False
        self._silent = False

    # The engine's side: any thread, never waits.

    def task_run(
        self,
        id: UUID,
        *,
        name: str,
        task_key: str,
        map_index: int | None,
        upstream: Sequence[UUID],
        parent: UUID | None,
        tags: Collection[str] = (),
    ) -> None:
        """A task run exists."""
        self._put(events.task_run, (datetime.now(UTC), id, name, task_key, map_index, upstream, parent, tags))

    def task_state(self, task_run: UUID, state: State, *, run_count: int) -> None:
        """A task run entered a state."""
        message = without_source(state.message or "", self._code_dir)
        args = (state.at, task_run, state.type.value, state.name, message, run_count, state.result_reference)
        self._put(events.task_state, args)

    def run_name(self, name: str) -> None:
        """The flow run is called this from now on."""
        self._put(events.run_name, (datetime.now(UTC), name))

    def run_state(self, state: State) -> None:
        """The flow run entered a state; the final one is left to finish.py, which waits for its acknowledgement."""
        # That it is paused the control plane knows first: it was asked to pause it.
        if state.type.value not in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED", "PAUSED"}:
            message = without_source(state.message or "", self._code_dir)
            self._put(events.run_state, (state.at, state.type.value, state.name, message))

    def log(self, *, at: datetime, level: str, logger: str, message: str, task_run: UUID | None) -> None:
        """A log line; code that a traceback in it quotes is left out."""
        if FRAME in message:
            message = without_source(message, self._code_dir)
        self._put(events.log, (at, level, logger, message, task_run))

    def start(self) -> None:
        """Start the thread."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._go_silent)
        self._thread.start()

    def flush_and_close(self, within: float | None = None) -> bool:
        """Wait until every event is acknowledged (or `within` seconds passed, or the attempt was stopped), and end.

        False when events are left unacknowledged.
        """
        self._closing.set()
        self._wake.set()
        # Short waits: the main thread must notice signals, which end a wait only between two of them.
        deadline = None if within is None else time.monotonic() + within
        while not self._ended.wait(0.5):
            if deadline is not None and time.monotonic() > deadline:
                break
        return len(self._outbox) == 0

    def _put(self, make: Callable[..., str], args: tuple[object, ...]) -> None:
        if self._silent:
            return
        self._queue.append((make, args))
        if not self._wake.is_set():
            self._wake.set()

    def _go_silent(self) -> None:
        """In a forked child: there is no thread here, and two processes must not number events."""
        self._silent = True

    # The thread's side.

    def _work(self) -> None:
        try:
            while not self._done():
                if self._wake.wait(self._until_next()) and not self._closing.is_set():
                    self._closing.wait(PAUSE)  # let a burst gather; what a crash can lose is not older than this
                self._wake.clear()
                self._encode()
                if self._due():
                    self._send()
        finally:
            self._ended.set()

    def _done(self) -> bool:
        return self._silent or (self._closing.is_set() and not self._queue and not len(self._outbox))

    def _until_next(self) -> float:
        now = self._clock()
        if self._failures:
            return max(0.0, self._retry_at - now)
        beat = self._heard_at + self._heartbeat_seconds
        due = beat
        if len(self._outbox):
            due = min(due, self._last_sent + self._log_flush_seconds)
        if self._state_since is not None:
            due = min(due, self._state_since + LINGER)
        return max(0.0, due - now)

    def _encode(self) -> None:
        queue, made = self._queue, []
        while queue:
            make, args = queue.popleft()
            if make is not events.log and self._state_since is None:
                self._state_since = self._clock()
            made.append(make(*args))
        self._outbox.add(made)
        if self._closing.is_set():
            self._outbox.note_loss(datetime.now(UTC))

    def _due(self) -> bool:
        now = self._clock()
        if self._failures:
            return now >= self._retry_at
        if now >= self._heard_at + self._heartbeat_seconds:
            return True
        if not len(self._outbox):
            return False
        return (
            (self._state_since is not None and now >= self._state_since + LINGER)
            or self._closing.is_set()
            or self._outbox.pending_bytes >= FLUSH_BYTES
            or now >= self._last_sent + self._log_flush_seconds
        )

    def _send(self) -> None:
        """Send until nothing waits; one failure ends it until its delay has passed."""
        self._state_since = None
        while True:
            lines = self._outbox.batch(self._batch_events, self._batch_bytes)
            try:
                answer = self._client.report(self._attempt_id, lines)
            except ClientError as error:
                if self._refused(error, lines):
                    continue
                return
            self._failures = 0
            self._last_sent = self._heard_at = self._clock()
            self._outbox.acknowledge(answer.mark)
            if answer.cancel and not self._cancel_told:
                self._cancel_told = True
                self._on_cancel()
            if not len(self._outbox):
                return
            self._encode()

    def _refused(self, error: ClientError, lines: list[bytes]) -> bool:
        """Deal with a failure; True when sending may go on at once."""
        if isinstance(error, FencedError | NotFoundError | InvalidTransitionError):
            self._stop(error.message)
            return False
        if isinstance(error, InvalidInputError) and lines:
            return self._isolate(error, lines)
        self._failures += 1
        now = self._clock()
        if isinstance(error, Unauthenticated) and now - self._heard_at > REFUSED_SECONDS:
            self._stop(f"the control plane refused this attempt's token for {REFUSED_SECONDS:.0f} s: {error.message}")
            return False
        # The lease that is granted anew after an outage must not run out before the next try.
        longest = min(LONGEST_RETRY, self._heartbeat_seconds)
        delay = retry_delay(error, self._failures, longest=longest)
        self._retry_at = now + (LONGEST_RETRY if delay is None else delay)
        return False

    def _isolate(self, error: Refused, lines: list[bytes]) -> bool:
        """One event that is refused must not hold up all others: find it by sending less, and say so in its place."""
        if len(lines) > 1:
            self._batch_events = max(1, len(lines) // 2)
            return True
        self._batch_events = MAX_EVENTS
        message = f"An event of this run was refused by the control plane: {error.message}"
        instead = events.log(datetime.now(UTC), "WARNING", "homeport.runtime", message, None)
        if lines[0].find(b"was refused by the control plane") >= 0:
            instead = events.dropped(datetime.now(UTC), 1, "refused by the control plane")
        self._outbox.replace_first(instead)
        return True

    def _stop(self, reason: str) -> None:
        self._silent = True
        self._on_stop(reason)
