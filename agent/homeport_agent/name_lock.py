"""One agent process a name on a host: two of them would supersede each other's session for ever."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

FIRST, LAST = 2, 99


class NameTaken(Exception):  # noqa: N818 - named for what happened
    """Another agent process on this host, with the same home folder, has the name."""


@dataclass(frozen=True, slots=True)
class NameLock:
    """A name that is ours until the process ends, however it ends; the kernel gives the lock back."""

    name: str
    folder: Path
    descriptor: int


def take_name(home: Path, wanted: str, *, may_number: bool) -> NameLock:
    """Lock the name; with `may_number`, a taken one becomes `name-2`, `name-3`, ... Raises NameTaken."""
    lock = _try(home, wanted)
    if lock is None and may_number:
        lock = next(filter(None, (_try(home, f"{wanted}-{number}") for number in range(FIRST, LAST))), None)
    if lock is None:
        raise NameTaken(
            f"An agent named {wanted!r} runs on this host already ({_holder(home, wanted)}). "
            "Give this one another name: --name OTHER"
        )
    return lock


def folder_of(home: Path, name: str) -> Path:
    """Where an agent keeps what must survive it."""
    return home / "agents" / quote(name, safe="")[:200]


def left_without_agent(home: Path) -> dict[str, int]:
    """Names of agents that do not run here but left attempts behind, and how many; only they can settle them."""
    left: dict[str, int] = {}
    for attempts in (home / "agents").glob("*/attempts"):
        count = sum(1 for _ in attempts.iterdir())
        name = unquote(attempts.parent.name)
        lock = _try(home, name) if count else None
        if lock is not None:
            os.close(lock.descriptor)
            left[name] = count
    return left


def _try(home: Path, name: str) -> NameLock | None:
    folder = folder_of(home, name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return NameLock(name, folder, descriptor)


def _holder(home: Path, name: str) -> str:
    try:
        return f"pid {(folder_of(home, name) / 'lock').read_text().strip()}"
    except OSError:
        return "pid unknown"
