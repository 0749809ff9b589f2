"""The worker processes of a run: trips wait in one line, and each process has a desk that serves it from there.

A desk is a thread that drives task runs on and talks to its process. It hands out several calls at a time when they
are short, and takes those back that have not begun when another desk has nothing to do.
"""

from __future__ import annotations

import threading
from collections import deque

from homeport.engine.parcels import Packer
from homeport.engine.process_desk import Desk
from homeport.engine.trips import Trip

WHERE = "a worker process"
MEND = "Or use task_runner=ConcurrentTaskRunner(), which runs tasks in threads of one process."
CLOSE_SECONDS = 10.0


class ProcessPool:
    """At most so many processes, started when there is work for them."""

    def __init__(self, limit: int) -> None:
        self.packer = Packer(WHERE, MEND)
        self.packing = threading.Lock()
        self.limit = limit
        self._line: deque[Trip] = deque()
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._desks: list[Desk] = []
        self._idle = 0
        self._closed = False

    def submit(self, trip: Trip) -> None:
        """Put the trip in the line."""
        with self._lock:
            self._line.append(trip)
            self._see_to_it()

    def put_back(self, trips: list[Trip]) -> None:
        """Put trips whose calls have not begun at the head of the line."""
        with self._lock:
            self._line.extendleft(reversed(trips))
            self._see_to_it()

    def take(self, most: int, *, waits: bool) -> list[Trip] | None:
        """Up to `most` trips, and no more than a fair share of the line. None once the pool is closed."""
        with self._lock:
            while not self._line:
                if self._closed:
                    return None
                if not waits:
                    return []
                self._idle += 1
                busiest = max(self._desks, key=lambda desk: len(desk.out))
                if len(busiest.out) > 1:
                    busiest.ask_back()
                self._ready.wait()
                self._idle -= 1
            fair = max(1, len(self._line) // (2 * len(self._desks)))
            return [self._line.popleft() for _ in range(min(most, fair, len(self._line)))]

    def somebody_is_idle(self) -> bool:
        """Whether a desk waits for work, with nothing in the line."""
        return self._idle > 0 and not self._line

    def cancel(self, trip: Trip) -> None:
        """End the call that is being made, or that is on its way to a worker."""
        for desk in self._desks:
            if trip.number in desk.out:
                desk.cancel(trip)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
            self._ready.notify_all()
        for desk in self._desks:
            desk.join(CLOSE_SECONDS)

    def _see_to_it(self) -> None:
        if self._idle:
            self._ready.notify()
        elif len(self._desks) < self.limit:
            desk = Desk(self)
            self._desks.append(desk)
            desk.start()
