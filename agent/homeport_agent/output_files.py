"""What a run writes to standard output and error: bounded on disk, the tail of errors for a crash's message.

Files, not pipes: a pipe to a killed agent would break the run that outlives it. The run appends; we cut when it is too
much, which works because every write of an appending file goes to its end, wherever that is now.
"""

from __future__ import annotations

import os
from pathlib import Path

from homeport.runtime.source_lines import without_source

LARGEST = 8 * 1024 * 1024
KEPT = 64 * 1024
TAIL_LINES = 12
TAIL_CHARACTERS = 1500


def trim(file: Path) -> None:
    """Cut the file to its end when it has grown too large."""
    try:
        if file.stat().st_size <= LARGEST:
            return
        kept = _end(file, KEPT)
        os.truncate(file, 0)
        with file.open("ab") as stream:
            stream.write(b"... [cut here]\n" + kept)
    except OSError:
        return  # the run may have ended, and its folder be gone


def error_tail(file: Path) -> str:
    """The last lines of standard error, as text. Lines of source code are left out: code does not leave the network."""
    try:
        text = _end(file, 16 * 1024).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.rstrip() for line in without_source(text).splitlines() if line.strip()]
    return "\n".join(lines[-TAIL_LINES:])[-TAIL_CHARACTERS:]


def _end(file: Path, size: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - size))
        return stream.read()
