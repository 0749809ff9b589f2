"""The threads of submitted tasks: started when needed, at most so many busy at once, none that holds up an exit."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

Work = Callable[[], None]


class WorkerThreads:
    """A queue of work and the threads that take from it. A thread that waits for another does not count as busy."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._queued = 0
        self._waiting = 0
        self._clock: _Clock | None = None

    def submit(self, work: Work) -> None:
        """Have the work done by the next free thread. It must not raise."""
        with self._lock:
            self._queued += 1
            starts = self._needs_thread()
        self._queue.put(work)
        if starts:
            self._start()

    def later(self, seconds: float, work: Work) -> None:
        """Submit the work after so many seconds, without a thread that waits for it."""
        with self._lock:
            if self._clock is None:
                self._clock = _Clock()
        self._clock.call(seconds, lambda: self.submit(work))

    @contextmanager
    def thread_waits(self) -> Iterator[None]:
        """While the calling thread waits for other work: one more may be busy in its place."""
        if threading.current_thread() not in self._threads:
            yield
            return
        with self._lock:
            self._waiting += 1
            starts = self._needs_thread()
        if starts:
            self._start()
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def close(self) -> None:
        """Let the threads end once the queue is empty."""
        if self._clock is not None:
            self._clock.close()
        for _ in range(len(self._threads)):
            self._queue.put(None)

    def _needs_thread(self) -> bool:
        if self._queued > self._idle and len(self._threads) < self._limit + self._waiting:
            self._idle += 1
            return True
        return False

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name="homeport-worker", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            with self._lock:
                self._queued -= 1
                self._idle -= 1
            work()
            del work
            with self._lock:
                self._idle += 1


class _Clock:
    """One thread that calls each function at its time."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Work]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._work, name="homeport-clock", daemon=True).start()

    def call(self, seconds: float, work: Work) -> None:
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), work))
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._closed:
                    return
                _, _, work = heapq.heappop(self._due)
            work()
