"""Which processes belong to an attempt, and their end.

User code forks, calls setsid, double-forks. What all its processes keep is the environment they were started with,
which carries the attempt's id; that, the session and the process group find them, by /proc, or psutil elsewhere.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "HOMEPORT_ATTEMPT_ID"
PROC = Path("/proc")
ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A live process."""

    pid: int
    start_time: float


def start_time(pid: int) -> float | None:
    """When the process started, in its system's own unit; None when there is none (or only a zombie)."""
    if not PROC.is_dir():
        return _start_time_elsewhere(pid)
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else float(fields[19])


def find(attempt_id: str, leader: int = 0) -> list[Found]:
    """Every live process of the attempt; `leader` is its run process, whose session and group are its own."""
    candidates = _by_proc(attempt_id, leader) if PROC.is_dir() else _elsewhere(attempt_id)
    return [process for process in candidates if process.pid != os.getpid()]


def find_run_process(attempt_id: str) -> Found | None:
    """The attempt's run process, when nobody wrote down its pid: the oldest that carries the attempt's id."""
    return min(find(attempt_id), key=lambda process: (process.start_time, process.pid), default=None)


def kill(attempt_id: str, leader: int = 0) -> int:
    """SIGKILL every process of the attempt, again until none is left; returns how many there were."""
    killed: set[int] = set()
    for _ in range(ROUNDS):  # a process may fork between being seen and being killed
        found = find(attempt_id, leader)
        if not found:
            break
        for process in found:
            killed.add(process.pid)
            send(process, signal.SIGKILL)
    return len(killed)


def send(process: Found, number: int) -> bool:
    """Send a signal, unless the pid belongs to another process by now; False when it was gone."""
    try:
        if start_time(process.pid) != process.start_time:
            return False
        os.kill(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _by_proc(attempt_id: str, leader: int) -> Iterator[Found]:
    mark = f"{MARK}={attempt_id}".encode()
    for entry in os.listdir(PROC):  # noqa: PTH208 - a Path for each process of the machine costs more than the rest
        if not entry.isdigit():
            continue
        pid = int(entry)
        fields = _stat(pid)
        if fields is None or fields[0] in "ZX":
            continue
        group, session = int(fields[2]), int(fields[3])
        if (leader and leader in (pid, group, session)) or _carries(pid, mark):
            yield Found(pid, float(fields[19]))


def _carries(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as environ:  # noqa: PTH123 - see _by_proc
            return mark in environ.read().split(b"\x00")
    except OSError:
        return False  # gone, or another user's


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name (which may hold anything): state, ppid, pgrp, session, ..."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123 - see _by_proc
            return stat.read().rpartition(")")[2].split()
    except OSError:
        return None


def _start_time_elsewhere(pid: int) -> float | None:
    import psutil  # type: ignore[import-untyped,unused-ignore]

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def _elsewhere(attempt_id: str) -> Iterator[Found]:
    import psutil  # type: ignore[import-untyped,unused-ignore]

    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == attempt_id and process.status() != psutil.STATUS_ZOMBIE:
                yield Found(process.pid, float(process.create_time()))
        except psutil.Error:
            continue
