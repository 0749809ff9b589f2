"""Fetched code by digest, shared by the agents and runs of one home folder.

    code/<hex>/tree/           the files, verified against the digest by the storage when they were fetched
               manifest.json   the hash of each file: what the next version need not fetch again
               verified.json   size and time of each file then: a run that wrote into its code is noticed
               lock            held (shared) by every run process that uses the entry, for as long as it lives

A lock in the kernel, handed to the run process, cannot be forgotten by a killed agent; so what is in use is never
evicted. Methods block: call them from a thread.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeport.code.errors import StorageError
from homeport.code.storage import open_storage
from homeport_agent.cached_files import CachedFiles, keep_manifest

CACHE_BYTES = 4 * 1024**3
KEPT = 256
ABANDONED_SECONDS = 24 * 3600
_FULL = (errno.ENOSPC, errno.EDQUOT)
_OF_A_DISK = (*_FULL, errno.EIO, errno.EROFS, errno.ENOLCK)


class CodeCacheError(Exception):
    """This machine cannot keep the code, whatever its storage says; the message names the folder and the mend."""


@dataclass(frozen=True, slots=True)
class CachedCode:
    """A verified tree, and the descriptor whose lock keeps it from being evicted; close it when the run has it."""

    tree: Path
    lock: int

    def close(self) -> None:
        """Let go; the run process has its own copy of the descriptor."""
        os.close(self.lock)


class CodeCache:
    """The cache below one folder; any number of processes may use it at once."""

    def __init__(self, home: Path, *, limit_bytes: int = CACHE_BYTES) -> None:
        self._folder = home / "code"
        self._limit = limit_bytes

    def acquire(self, reference: Mapping[str, Any], digest: str) -> CachedCode:
        """The tree with this digest, fetched if it is not here.

        Raises the storage's errors, which name it, and CodeCacheError when this machine cannot keep what it gives.
        """
        name = digest.partition(":")[2]
        cached = self._open(name)
        if cached is not None:
            return cached
        try:
            cached = self._fetched(reference, digest, name)
            self._evict()
        except (OSError, StorageError) as error:
            trouble = self._trouble_here(error)
            if trouble is None:
                raise
            raise CodeCacheError(
                f"its cache {self._folder} cannot be written to: {trouble}. Make room there or mend its permissions, "
                "or start the agent with HOMEPORT_HOME in another folder"
            ) from error
        return cached

    def _fetched(self, reference: Mapping[str, Any], digest: str, name: str) -> CachedCode:
        with self._fetching(name):
            cached = self._open(name)
            if cached is None:
                try:
                    self._fetch(reference, digest, name)
                except (OSError, StorageError) as error:
                    if _errno(error) not in _FULL or not self._make_room():
                        raise
                    self._fetch(reference, digest, name)
                cached = self._open(name)
        assert cached is not None, f"the code {digest} was fetched a moment ago"
        return cached

    def _trouble_here(self, error: OSError | StorageError) -> str | None:
        """What this machine's disk said, as it is or by a storage that was writing here; None for any other error.

        A storage of somebody else lets errors of the network and of its own files through, and those are OSErrors too.
        """
        code = _errno(error)
        if code is not None and code in _FULL:
            return os.strerror(code)
        if not isinstance(error, OSError):
            return None
        at = error.filename
        here = isinstance(at, str | Path) and Path(at).is_relative_to(self._folder)
        return error.strerror or str(error) if here or code in _OF_A_DISK else None

    def _open(self, name: str) -> CachedCode | None:
        """The entry, locked and looked at; None when it is not there, or no longer what was verified."""
        entry = self._folder / name
        try:
            lock = os.open(entry / "lock", os.O_RDWR)
        except OSError:
            return None
        fcntl.flock(lock, fcntl.LOCK_SH)
        # Between open and lock it may have been evicted, and fetched anew.
        if not _same_file(lock, entry / "lock"):
            os.close(lock)
            return None
        if not _unchanged(entry):
            os.close(lock)
            self._discard(entry)
            return None
        os.utime(entry / "lock")
        return CachedCode(entry / "tree", lock)

    def _fetch(self, reference: Mapping[str, Any], digest: str, name: str) -> None:
        partial = self._folder / f".{name}.{uuid.uuid4().hex}"
        partial.mkdir(mode=0o700)
        try:
            here = CachedFiles(sorted(self._entries(), key=_used_at, reverse=True))
            manifest = open_storage(reference).fetch(reference, digest, partial / "tree", here)
            keep_manifest(partial, manifest)
            (partial / "verified.json").write_text(json.dumps(_look(partial / "tree")), "utf-8")
            (partial / "lock").touch(mode=0o600)
            partial.rename(self._folder / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    @contextmanager
    def _fetching(self, name: str) -> Iterator[None]:
        """Only one process fetches a digest; the others wait and find it. A cache that was removed is made anew."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / f".{name}.fetching").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield

    def _discard(self, entry: Path) -> None:
        """Move a changed entry out of the way. Runs that use it keep their files; nobody new gets them."""
        aside = self._folder / f".{entry.name}.old.{uuid.uuid4().hex}"
        try:
            entry.rename(aside)
        except OSError:
            return  # another process did
        self._remove_if_unused(aside)

    def _evict(self) -> None:
        """Remove what was used longest ago until the cache is within its limits."""
        live = sorted(self._entries(), key=_used_at)
        sizes = {entry: _size(entry) for entry in live}
        total = sum(sizes.values())
        for entry in live[:-1]:
            if total <= self._limit and len(sizes) <= KEPT:
                break
            if self._remove_if_unused(entry):
                total -= sizes.pop(entry)
        for entry in self._folder.glob(".*"):
            if not entry.is_dir():
                continue
            if ".old." in entry.name:
                self._remove_if_unused(entry)
            elif _abandoned(entry):
                shutil.rmtree(entry, ignore_errors=True)

    def _make_room(self) -> bool:
        """Remove all that no run uses, because the disk is full; False when there was nothing to remove."""
        removed = [self._remove_if_unused(entry) for entry in self._entries()]
        return any(removed)

    def _entries(self) -> list[Path]:
        return [entry for entry in self._folder.iterdir() if entry.name[0] != "." and entry.is_dir()]

    def _remove_if_unused(self, entry: Path) -> bool:
        try:
            lock = os.open(entry / "lock", os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            aside = self._folder / f".{entry.name.strip('.')[:64]}.old.{uuid.uuid4().hex}"
            entry.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        except OSError:
            return False
        finally:
            os.close(lock)
        return True


def _look(tree: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file that Python did not put there itself."""
    seen: dict[str, tuple[int, int]] = {}
    pending = [str(tree)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        pending.append(entry.path)
                    continue
                status = entry.stat(follow_symlinks=False)
                seen[entry.path[len(str(tree)) + 1 :]] = (status.st_size, status.st_mtime_ns)
    return seen


def _unchanged(entry: Path) -> bool:
    try:
        verified = json.loads((entry / "verified.json").read_text("utf-8"))
        return {path: tuple(value) for path, value in verified.items()} == _look(entry / "tree")
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _errno(error: Exception) -> int | None:
    code = getattr(error if isinstance(error, OSError) else error.__cause__, "errno", None)
    return code if isinstance(code, int) else None


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _used_at(entry: Path) -> float:
    try:
        return (entry / "lock").stat().st_mtime
    except OSError:
        return time.time()


def _abandoned(partial: Path) -> bool:
    """Left by a fetch that was killed."""
    try:
        return partial.stat().st_mtime < time.time() - ABANDONED_SECONDS
    except OSError:
        return False


def _size(entry: Path) -> int:
    try:
        return sum(size for size, _ in json.loads((entry / "verified.json").read_text("utf-8")).values())
    except (OSError, ValueError):
        return 0
