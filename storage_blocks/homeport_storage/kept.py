"""What takes long to open and can serve again: clients and connections, shared by all storages that are opened alike.

An agent opens its storage anew for each version that it fetches, `deployment apply` for each deployment. A client of S3
takes longer to make than a small file takes to send, and a login at an SMB server five round trips.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

UNUSED_SECONDS = 30.0
"""What nobody asked for longer than this is opened anew: a firewall may have dropped its connections without a word."""

MOST = 8


class Kept(Generic[T]):
    """Opened things by what they were opened with. Who was given one may use it for as long as it likes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._process = os.getpid()
        self._opened: dict[Hashable, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def get(self, given: Hashable, make: Callable[[], T]) -> T:
        """What was opened with exactly this, in this process and environment; else what `make` opens now."""
        if self._process != os.getpid():  # forked: the connections are the parent's, and so is whoever held the lock
            self._start_afresh()
        # The whole environment, because nobody has a list of all that a client reads there: proxies, profiles,
        # certificates, and the secrets that a reference names.
        key = (frozenset(os.environ.items()), given)
        with self._lock:
            now = self._clock()
            fresh = {name: item for name, item in self._opened.items() if now - item[0] < UNUSED_SECONDS}
            opened = fresh.pop(key)[1] if key in fresh else make()
            self._opened = {**dict(list(fresh.items())[1 - MOST :]), key: (now, opened)}
            return opened


def stamp(*files: str) -> Hashable:
    """What changes when one of the files does: clients read them once, when they are made."""
    return tuple(_stamp(os.path.expanduser(file)) for file in files)  # noqa: PTH111 - "~" may have no home


def _stamp(file: str) -> Hashable:
    try:
        status = os.stat(file)  # noqa: PTH116
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
