"""Events on disk until they are acknowledged: what an outage, or the end of the process, must not forget.

    000001.jsonl  000002.jsonl ...   numbered events, one a line, appended; a segment is removed once acknowledged
    started                          user code may have begun
    final.json                       the final state, decided but maybe not yet delivered
    finished                         the final state was acknowledged

No fsync: the spool outlives the process, and of a machine that loses power nothing is left to replay anyway.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

SEGMENT_BYTES = 8 * 1024 * 1024


class Spool:
    """The folder of one attempt; one writer."""

    def __init__(self, folder: Path) -> None:
        """Append to the spool in `folder`, made if it is not there."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._segments: list[tuple[Path, int]] = []  # path, last number in it
        self._stream: BinaryIO | None = None
        self._next = len(list(folder.glob("*.jsonl"))) + 1

    def append(self, lines: Sequence[bytes], last: int) -> None:
        """Write numbered events, of which `last` is the last number; raises OSError when the disk refuses."""
        stream = self._open()
        data = b"\n".join(lines) + b"\n"
        if stream.write(data) != len(data):
            raise OSError(f"the disk took only a part of {len(data)} bytes")
        self._segments[-1] = (self._segments[-1][0], last)
        if stream.tell() >= SEGMENT_BYTES:
            self._close()

    def acknowledged(self, mark: int) -> None:
        """Forget segments whose events are all acknowledged; the one being written only once it is worth it."""
        while len(self._segments) > 1 and self._segments[0][1] <= mark:
            self._segments.pop(0)[0].unlink(missing_ok=True)
        all_of_it = bool(self._segments) and self._segments[0][1] <= mark
        if all_of_it and self._stream is not None and self._stream.tell() > 256 * 1024:
            self._stream.truncate(0)

    def note(self, name: str, value: Any = None) -> None:
        """Leave a mark (`started`, `final.json`, `finished`) for the agent; whole or not at all, best effort."""
        partial = self.folder / f".{name}.part"
        try:
            partial.write_text(json.dumps(value), "utf-8")
            partial.replace(self.folder / name)
        except OSError:
            return  # a full disk must not fail a run; without the mark the agent asks the control plane

    def close(self) -> None:
        """Close the file."""
        self._close()

    def _open(self) -> BinaryIO:
        if self._stream is None:
            path = self.folder / f"{self._next:06}.jsonl"
            self._stream = open(path, "ab", buffering=0)  # noqa: SIM115, PTH123 - open for the life of the segment
            self._segments.append((path, 0))
            self._next += 1
        return self._stream

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def read_events(folder: Path, after: int) -> Iterator[tuple[int, bytes]]:
    """Numbered events in order, those after the number `after`; a line cut short by a crash ends the reading."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as stream:
            for line in stream:
                seq = _number(line)
                if seq is None:
                    return
                if seq > after:
                    yield seq, line.rstrip(b"\n")


def _number(line: bytes) -> int | None:
    if not line.endswith(b"}\n"):
        return None
    try:
        return int(json.loads(line)["seq"])
    except (ValueError, KeyError, TypeError):
        return None


def read_note(folder: Path, name: str) -> Any:
    """The value of a mark; None when it was not left (or left without a value: see `has_note`)."""
    try:
        return json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def has_note(folder: Path, name: str) -> bool:
    """Whether the mark was left."""
    return os.path.exists(folder / name)  # noqa: PTH110
