"""What was found in each file of a root the last time, so that a tree of 20,000 files is not read again for nothing.

The idea is that of git's index: a file whose size, times, inode and device are what they were has the content it had.
It fails where a file is written twice within one tick of its file system's clock. So, as in git, what was changed a
moment before it was read is not remembered; it is read again next time.

One JSON file a root, below the home folder, replaced as a whole: of two processes that write, one wins, and both are
right.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from homeport.code.manifest import is_sha256
from homeport.code.suspects import RULES

VERSION = f"1/{RULES}"
RACY_NS = 2_000_000_000
"""The coarsest clock of a file system still in use (FAT)."""
UNUSED_SECONDS = 30 * 24 * 3600

Row = list[int | str]
"""Size, times of content and of state, inode and device; then hash and secret."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found in a file: the hash of its content, and the secret it looked like ("" for none)."""

    sha256: str
    secret: str


class Hashes:
    """What is remembered of the files below one root."""

    def __init__(self, home: Path, root: Path, clock: Callable[[], int] = time.time_ns) -> None:
        """Read what `home` remembers of `root`; whatever is wrong with it, nothing is remembered."""
        real = os.path.realpath(root)
        self._file = home / "hashes" / f"{hashlib.sha256(os.fsencode(real)).hexdigest()[:32]}.json"
        self._clock = clock
        self._before = _read(self._file)
        self._now: dict[str, Row] = {}

    def known(self, path: str, status: os.stat_result) -> Seen | None:
        """What the file holds, if it is as it was when it was read."""
        row = self._before.get(path)
        if not isinstance(row, list) or row[:-2] != _fingerprint(status):
            return None
        sha256, secret = row[-2:]
        if not isinstance(sha256, str) or not is_sha256(sha256) or not isinstance(secret, str):
            return None
        self._now[path] = row
        return Seen(sha256, secret)

    def started(self) -> int:
        """The time to give to `note`, taken before the file is read."""
        return self._clock()

    def note(self, path: str, status: os.stat_result, seen: Seen, started: int) -> None:
        """Remember what was read, unless the file may change once more without its times showing it."""
        if max(status.st_mtime_ns, status.st_ctime_ns) < started - RACY_NS:
            self._now[path] = [*_fingerprint(status), seen.sha256, seen.secret]

    def save(self) -> None:
        """Keep it for the next time. It is no failure when it cannot be kept."""
        if self._now == self._before:
            with suppress(OSError):
                os.utime(self._file)
            return
        document = {"version": VERSION, "files": self._now}
        partial = self._file.with_name(f".{self._file.name}.{uuid.uuid4().hex}")
        with suppress(OSError, UnicodeEncodeError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with os.fdopen(
                    os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
                ) as out:
                    out.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
                partial.replace(self._file)
            finally:
                partial.unlink(missing_ok=True)
            self._remove_unused()

    def forget(self) -> None:
        """Remember nothing: a file was found to be something else than was remembered."""
        with suppress(OSError):
            self._file.unlink()

    def _remove_unused(self) -> None:
        oldest = time.time() - UNUSED_SECONDS
        with os.scandir(self._file.parent) as entries:
            for entry in entries:
                if entry.stat(follow_symlinks=False).st_mtime < oldest:
                    Path(entry.path).unlink(missing_ok=True)


def _fingerprint(status: os.stat_result) -> Row:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


def _read(file: Path) -> dict[str, Row]:
    try:
        document = json.loads(file.read_bytes())
        files = document["files"] if document["version"] == VERSION else {}
    except (OSError, ValueError, RecursionError, TypeError, KeyError):
        return {}
    return files if isinstance(files, dict) else {}
