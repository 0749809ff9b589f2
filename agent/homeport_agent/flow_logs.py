"""`--show-flow-logs`: what the runs write to standard output and error, copied to the agent's own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

EVERY_SECONDS = 0.2


async def follow(agent_folder: Path) -> None:
    """Copy until cancelled, line by line as far as the runs write whole lines."""
    seen: dict[Path, int] = {}
    while True:
        for file in sorted((agent_folder / "attempts").glob("*/*.log")):
            seen[file] = _copy(file, seen.get(file, 0))
        for file in [file for file in seen if not file.exists()]:
            del seen[file]
        await asyncio.sleep(EVERY_SECONDS)


def _copy(file: Path, start: int) -> int:
    """Copy what is new, and return how far the file was read; one that was cut is read from its beginning."""
    try:
        size = file.stat().st_size
        if size == start:
            return start
        with file.open("rb") as stream:
            stream.seek(start if size > start else 0)
            data = stream.read()
            sys.stderr.buffer.write(data)
            sys.stderr.flush()
            return stream.tell()
    except OSError:
        return start
