"""Events waiting for their acknowledgement: numbered in order, in memory while they are few, on disk always.

Sequence numbers have no gap, so a line that is given up (the limit of the spool) gets none: the next event says
how many were lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from homeport.runtime import events
from homeport.runtime.spool import Spool, read_events

MEMORY_BYTES = 8 * 1024 * 1024
SPOOL_BYTES = 256 * 1024 * 1024
LOST_BY_SERVER = "the control plane forgot what it had acknowledged"


class Outbox:
    """The unacknowledged events of one attempt; used by one thread."""

    def __init__(
        self, spool: Spool | None, *, memory_bytes: int = MEMORY_BYTES, spool_bytes: int = SPOOL_BYTES
    ) -> None:
        """Without a spool, or when its disk refuses, only memory holds them and its limit is the limit."""
        self.acknowledged = 0
        self.last = 0
        self.pending_bytes = 0
        self._spool = spool
        self._memory_limit = memory_bytes
        self._limit = spool_bytes if spool else memory_bytes
        self._lines: deque[bytes] = deque()
        self._memory_bytes = 0
        self._on_disk_only = False
        self._reader: Iterator[tuple[int, bytes]] | None = None
        self._lost = 0

    def __len__(self) -> int:
        """How many events wait."""
        return self.last - self.acknowledged

    def add(self, added: Iterable[str], *, now: datetime | None = None) -> None:
        """Number these events (texts of events.py) and keep them; without room, log lines are only counted."""
        lines: list[bytes] = []
        for event in added:
            if self.pending_bytes > self._limit and event.startswith('"kind":"log"'):
                self._lost += 1
                continue
            if self._lost:
                lines.append(self._number(self._loss(now or datetime.now(UTC))))
            lines.append(self._number(event))
        if lines:
            self._keep(lines)

    def note_loss(self, now: datetime) -> None:
        """Say how many lines were lost, if any: at the end no later event would."""
        if self._lost:
            self._keep([self._number(self._loss(now))])

    def batch(self, max_events: int, max_bytes: int) -> list[bytes]:
        """The oldest waiting events within the limits (at least one, if any wait)."""
        if not self._lines and self._on_disk_only:
            self._refill()
        chosen: list[bytes] = []
        size = 0
        for line in self._lines:
            size += len(line) + 1
            if chosen and (len(chosen) >= max_events or size > max_bytes):
                break
            chosen.append(line)
        return chosen

    def acknowledge(self, mark: int) -> None:
        """Forget the events up to this number. A mark below an earlier one: the server lost them, and is told so."""
        if mark < self.acknowledged:
            self._fill_gap(mark)
            return
        while self.acknowledged < min(mark, self.last):
            if not self._lines:
                self._refill()
            if not self._lines:
                break
            line = self._lines.popleft()
            self._memory_bytes -= len(line)
            self.pending_bytes -= len(line)
            self.acknowledged += 1
        if self._spool:
            self._spool.acknowledged(self.acknowledged)

    def replace_first(self, event: str) -> None:
        """Put another event in the place of the oldest, under its number: the server refused it."""
        old = self._lines.popleft()
        new = events.numbered(event, self.acknowledged + 1)
        self._lines.appendleft(new)
        self._memory_bytes += len(new) - len(old)
        self.pending_bytes += len(new) - len(old)

    def _number(self, event: str) -> bytes:
        self.last += 1
        line = events.numbered(event, self.last)
        self.pending_bytes += len(line)
        return line

    def _loss(self, now: datetime) -> str:
        reason = f"more than {self._limit // 1024 // 1024} MiB waited for the control plane"
        lost, self._lost = self._lost, 0
        return events.dropped(now, lost, reason)

    def _keep(self, lines: list[bytes]) -> None:
        if self._spool:
            try:
                self._spool.append(lines, self.last)
            except OSError:
                # The disk is full or gone. What only the disk holds can still be read; new events stay in memory.
                self._spool = None if not self._on_disk_only else self._spool
                self._limit = self._memory_limit
        if self._spool and (self._on_disk_only or self._memory_bytes > self._memory_limit):
            self._on_disk_only = True
            return
        self._lines.extend(lines)
        self._memory_bytes += sum(map(len, lines))

    def _refill(self) -> None:
        """Read the next piece of what only the disk holds."""
        if not self._spool or not self._on_disk_only:
            return
        loaded = self.acknowledged + len(self._lines)
        if self._reader is None:
            self._reader = read_events(self._spool.folder, after=loaded)
        for seq, line in self._reader:
            assert seq == loaded + 1, f"the spool jumps from event {loaded} to {seq}"
            loaded = seq
            self._lines.append(line)
            self._memory_bytes += len(line)
            if self._memory_bytes > self._memory_limit:
                return
        self._reader = None
        self._on_disk_only = loaded < self.last

    def _fill_gap(self, mark: int) -> None:
        at = datetime.now(UTC)
        for seq in range(self.acknowledged, mark, -1):
            line = events.numbered(events.dropped(at, 1, LOST_BY_SERVER), seq)
            self._lines.appendleft(line)
            self._memory_bytes += len(line)
            self.pending_bytes += len(line)
        self.acknowledged = mark
