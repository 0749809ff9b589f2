"""Messages over a pipe: the lengths of what follows, a pickle, and what stands in it as a PickleBuffer, as it is.

Large things travel beside the pickle, so that neither side holds another copy of them.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import threading
from collections.abc import Iterator
from typing import Any

CHUNK = 1 << 20
HEAD, LENGTH = struct.Struct(">QI"), struct.Struct(">Q")
"""The length of the pickle and how many buffers follow it; then the length of each of these."""
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
        buffers: list[pickle.PickleBuffer] = []
        data = pickle.dumps(message, 5, buffer_callback=buffers.append)
        beside = [buffer.raw() for buffer in buffers]
        head = HEAD.pack(len(data), len(beside)) + b"".join(LENGTH.pack(view.nbytes) for view in beside)
        parts = [memoryview(head + data)] if len(data) <= CHUNK else [memoryview(head), memoryview(data)]
        parts += beside
        if not self._held or threading.current_thread() is not threading.main_thread():
            self._write(parts)
            return
        # A timeout or a cancellation that came in the middle of a message would leave half of it in the pipe.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self._held)
        try:
            self._write(parts)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _write(self, parts: list[memoryview]) -> None:
        with self._lock:
            for view in parts:
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
        while len(data) - begin >= HEAD.size:
            length, count = HEAD.unpack_from(data, begin)
            lengths_at = begin + HEAD.size
            at = lengths_at + count * LENGTH.size
            if len(data) < at + length:
                break
            lengths = [LENGTH.unpack_from(data, lengths_at + index * LENGTH.size)[0] for index in range(count)]
            pickled = bytes(data[at : at + length])
            begin = at + length
            if not count:
                yield pickle.loads(pickled)  # noqa: S301 - of a process of our own
                continue
            del data[:begin]
            begin = 0
            try:
                beside = [self._filled(size) for size in lengths]
            except (OSError, EOFError):  # torn off; what came before it is told all the same
                return
            yield pickle.loads(pickled, buffers=beside)  # noqa: S301
        del data[:begin]

    def _filled(self, size: int) -> bytearray:
        """So many of the bytes that come next, read to where they stay."""
        buffer, data = bytearray(size), self._data
        have = min(size, len(data))
        buffer[:have] = data[:have]
        del data[:have]
        view = memoryview(buffer)[have:]
        while view:
            count = os.readv(self._fd, [view])
            if not count:
                raise EOFError
            view = view[count:]
        return buffer
