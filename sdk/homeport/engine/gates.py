"""At most so many at once: the others wait for one to end, without a thread each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.futures import Future


class Gate:
    """Lets so many task runs in; each that ends lets the next one in."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: deque[tuple[Future[Any], Callable[[], None]]] = deque()
        self._lock = threading.Lock()

    def enter(self, future: Future[Any], start: Callable[[], None]) -> None:
        """Start it when there is room: now, or when another one ends."""
        with self._lock:
            if self._room == 0:
                self._waiting.append((future, start))
                return
            self._room -= 1
        self._start(future, start)

    def _start(self, future: Future[Any], start: Callable[[], None]) -> None:
        future.when_done(self._left)
        start()

    def _left(self, ended: Future[Any]) -> None:
        with self._lock:
            while self._waiting:
                future, start = self._waiting.popleft()
                if not future.done():  # cancelled while it waited
                    break
            else:
                self._room += 1
                return
        self._start(future, start)
