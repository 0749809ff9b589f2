"""Which process a pid means: pids are used again, so a pid is remembered with the moment its process started."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def started(pid: int) -> str | None:
    """A text that stays the same while the process lives; None when there is none of that pid, or only a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name stands in parentheses and may hold any character, so what counts comes after the last one.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def is_alive(pid: int, start: str | None) -> bool:
    """Whether that very process lives."""
    now = started(pid)
    return now is not None and (start is None or now == start)
