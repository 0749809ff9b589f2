"""What secret managers answered, for a short while: a mapped flow must not ask for its password a thousand times.

Not for longer: a secret that was rotated is seen by processes that live for months, as agents do. Failures are not
remembered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SECONDS = 60.0


class Remembered:
    """Texts by reference, in this process; of several threads that want the same one, one asks."""

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}
        self._asking: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, reference: str, ask: Callable[[], str]) -> str:
        """What `ask` answers now, or answered less than `seconds` ago; raises what it raises."""
        with self._lock:
            asking = self._asking.setdefault(reference, threading.Lock())
        with asking:
            asked, value = self._kept.get(reference, (0.0, ""))
            if reference not in self._kept or self._clock() - asked >= self._seconds:
                value = ask()
                self._kept[reference] = (self._clock(), value)
            return value

    def unlock(self) -> None:
        """In a forked process: those who hold a lock are threads of the parent, and will not give it back here."""
        self._lock, self._asking = threading.Lock(), {}
