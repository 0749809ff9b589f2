"""What a run writes to standard output and error: bounded on disk, the tail of errors for a crash's message.

Files, not pipes: a pipe to a killed agent would break the run that outlives it. The run appends; we cut when it is too
much, which works because every write of an appending file goes to its end, wherever that is now.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

LARGEST = 8 * 1024 * 1024
KEPT = 64 * 1024
TAIL_LINES = 12
TAIL_CHARACTERS = 1500
_FRAME = re.compile(r'^\s*File "')


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
    lines: list[str] = []
    in_frame = False
    for line in text.splitlines():
        if in_frame and line.startswith("    "):
            continue
        in_frame = bool(_FRAME.match(line))
        if line.strip():
            lines.append(line.rstrip())
    return "\n".join(lines[-TAIL_LINES:])[-TAIL_CHARACTERS:]


def _end(file: Path, size: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - size))
        return stream.read()
