"""Reading a file that somebody else may be changing: never more than it should have, never a pipe that blocks."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

CHUNK = 1024 * 1024
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: str | Path) -> int:
    """A descriptor to read the file by; OSError when it is anything but a file (a pipe would block for ever)."""
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "it is no longer a file", str(path))
    return descriptor


def pieces(descriptor: int, size: int) -> Iterator[bytes]:
    """The content in pieces, and one byte past `size` at most: enough to see that a file grew."""
    left = size + 1
    while left > 0 and (chunk := os.read(descriptor, min(CHUNK, left))):
        left -= len(chunk)
        yield chunk
