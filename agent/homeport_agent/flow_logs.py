"""`--show-flow-logs`: what the runs write to standard output and error, copied to the agent's own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

EVERY_SECONDS = 0.2


class FlowLogs:
    """Remembers how far each run's files were copied."""

    def __init__(self, agent_folder: Path) -> None:
        self._folder = agent_folder / "attempts"
        self._copied: dict[Path, int] = {}

    async def follow(self) -> None:
        """Copy what live runs write, until cancelled."""
        while True:
            for attempt in sorted(self._folder.iterdir()):
                self.copy(attempt)
            await asyncio.sleep(EVERY_SECONDS)

    def copy(self, attempt_folder: Path) -> None:
        """Copy what one run has written since the last time."""
        for name in ("output.log", "errors.log"):
            file = attempt_folder / name
            self._copied[file] = _copy(file, self._copied.get(file, 0))

    def end(self, attempt_folder: Path) -> None:
        """Copy the rest of an ended run, whose folder is about to be removed."""
        self.copy(attempt_folder)
        for file in [file for file in self._copied if file.parent == attempt_folder]:
            del self._copied[file]


def _copy(file: Path, start: int) -> int:
    """Copy what is new, and return how far the file was read; one that was cut is read from its beginning."""
    try:
        size = file.stat().st_size
        if size == start:
            return start
        with file.open("rb") as stream:
            stream.seek(start if size > start else 0)
            sys.stderr.buffer.write(stream.read())
            sys.stderr.flush()
            return stream.tell()
    except OSError:
        return start
