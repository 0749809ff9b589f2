"""Row 3b: what the live table costs a run of ten thousand tasks: processor time with it, beside without it."""

import json
import os
import pty
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Row

PROGRAM = Path(__file__).parent / "engine_programs" / "live_table.py"
REPEATS = 5
TASKS = 10_000


def run() -> list[Row]:
    """Both in turn, each in a process of its own on a terminal of its own; then once more with a line of each task."""
    return [_row("the live table"), _row("the live table and a line of each task", "says")]


def _row(what: str, *says: str) -> Row:
    shown, hidden = [], []
    for _ in range(REPEATS):
        hidden.append(_spent(*says, progress="0"))
        shown.append(_spent(*says, progress="1"))
    row = Row("3b", f"processor time of {TASKS:,} tasks of 0.2 ms, with {what}", "s", shown, hidden)
    row.other_name, row.target = "without the table", "at most 5 % more"
    more = statistics.median(shown) / statistics.median(hidden) - 1
    row.remarks.append(f"{more:+.1%} by the medians; a pair each: {', '.join(_ratios(shown, hidden))}")
    return row


def _ratios(shown: list[float], hidden: list[float]) -> list[str]:
    return [f"{one / other - 1:+.1%}" for one, other in zip(shown, hidden, strict=True)]


def _spent(*says: str, progress: str) -> float:
    ours, theirs = pty.openpty()
    with tempfile.TemporaryDirectory() as home:
        kept = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
        environment = kept | {"HOMEPORT_HOME": home, "HOMEPORT_PROGRESS": progress, "TERM": "xterm-256color"}
        command = [sys.executable, PROGRAM, str(TASKS), *says]
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        seen = _drained(ours)
        told = process.communicate(timeout=120)[0]
    assert process.returncode == 0, seen
    assert (b"\x1b[2K" in seen) == (progress == "1"), seen[-500:]
    spent: float = json.loads(told.splitlines()[-1])["spent"]
    return spent


def _drained(descriptor: int) -> bytes:
    """What is written to the terminal, until nobody has it open any more."""
    seen = b""
    while True:
        try:
            found = os.read(descriptor, 65536)
        except OSError:  # Linux says so when the other end is closed
            found = b""
        if not found:
            os.close(descriptor)
            return seen
        seen += found


if __name__ == "__main__":
    for one in run():
        print("\n".join(one.lines()), flush=True)
