"""Messages over a pipe: four bytes of length, then a pickle."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Iterator
from typing import Any

CHUNK = 1 << 20
HELD: frozenset[int] = frozenset()
if hasattr(signal, "pthread_sigmask"):
    HELD = frozenset({signal.SIGALRM, signal.SIGTERM})


class FrameWriter:
    """Writes messages, from any thread, each whole and at once: what was written outlives a kill of the process."""

    def __init__(self, fd: int, *, hold_signals: bool = False) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._held = HELD if hold_signals else frozenset()

    def write(self, message: Any) -> None:
        """Send it; raises OSError when nobody reads any more."""
        data = pickle.dumps(message, 5)
        view = memoryview(len(data).to_bytes(4, "big") + data if len(data) < 1 << 32 else _too_long(len(data)))
        if not self._held or threading.current_thread() is not threading.main_thread():
            self._write(view)
            return
        # A timeout or a cancellation that came in the middle of a message would leave half of it in the pipe.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self._held)
        try:
            self._write(view)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _write(self, view: memoryview) -> None:
        with self._lock:
            while view:
                view = view[os.write(self._fd, view) :]

    def close(self) -> None:
        """Close the pipe's end."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


class FrameReader:
    """Reads messages."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._data = bytearray()

    def read(self) -> list[Any] | None:
        """At least one message, waited for; all that have come. None at the end of the pipe."""
        while not (messages := list(self._whole())):
            try:
                chunk = os.read(self._fd, CHUNK)
            except OSError:
                return None
            if not chunk:
                return None
            self._data += chunk
        return messages

    def close(self) -> None:
        """Close the pipe's end."""
        os.close(self._fd)

    def _whole(self) -> Iterator[Any]:
        begin, data = 0, self._data
        while len(data) - begin >= 4:
            end = begin + 4 + int.from_bytes(data[begin : begin + 4], "big")
            if end > len(data):
                break
            yield pickle.loads(bytes(data[begin + 4 : end]))  # noqa: S301 - of a process of our own
            begin = end
        del data[:begin]


def _too_long(length: int) -> bytes:
    raise ValueError(
        f"It is {length / 1e9:.1f} GB pickled; at most 4.2 GB can be sent to a worker process or back. "
        f"Store it, and send its path or key."
    )
