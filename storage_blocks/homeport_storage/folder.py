"""Code in a folder: a local path, or a share that is mounted on both the registering machine and the agent's."""

from __future__ import annotations

import errno
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from homeport.code.errors import StorageError, StorageRefused, StorageUnreachable, UnsafeCode
from homeport.code.manifest import Manifest
from homeport.code.storage import CheckReport, CheckStep, LocalFiles, StorageReference, Stored, folder_reference
from homeport.code.tree import CodeTree
from homeport_storage import tree_store
from homeport_storage.blob_storage import BlobStorage
from homeport_storage.parallel import in_parallel

if TYPE_CHECKING:
    from homeport.blocks.fields import BlockFields

CHUNK = 1024 * 1024
AT_ONCE = 64
"""How many files wait at most to be made durable together."""
SYNCS = 16
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{32}\.part")  # a file on its way
REFUSALS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "it is mounted read-only",
    errno.ENOSPC: "no space is left",
    errno.EDQUOT: "the quota is used up",
}


class FolderStorage(BlobStorage):
    """A folder as storage of code."""

    kind: ClassVar[str] = "folder"
    parallel = 1

    def __init__(self, path: Path | str) -> None:
        """The storage in this folder; it is made by the first `put`, if its parent exists."""
        self.path = Path(path).expanduser().absolute()

    @classmethod
    def fields(cls) -> type[BlockFields]:
        """The fields of a block of this kind."""
        from homeport_storage.folder_fields import FolderFields  # pydantic is not loaded where a path is enough

        return FolderFields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> FolderStorage:
        """The folder that a reference names; raises UnsafeCode when it names none."""
        path = reference.get("path")
        if not isinstance(path, str) or not path.startswith(("/", "~")) or "\x00" in path:
            raise UnsafeCode(f"the storage reference of kind folder has no absolute path: {path!r}")
        return cls(path)

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        return f"the folder {self.path}"

    def reference(self) -> StorageReference:
        """Its absolute path."""
        return folder_reference(self.path)

    def put(self, tree: CodeTree) -> Stored:
        """Keep the tree under its digest; see Storage.put."""
        self._make()
        together = _Together(self.path)
        try:
            sent = tree_store.put(together, tree)
            together.settle()
        finally:
            together.give_up()
        return Stored(self.reference(), tree.digest, sent.files, sent.bytes)

    def fetch(self, reference: Mapping[str, Any], digest: str, into: Path, have: LocalFiles | None = None) -> Manifest:
        """Write the verified tree to `into`; see Storage.fetch."""
        self._look(digest)
        return super().fetch(reference, digest, into, have)

    def check(self) -> CheckReport:
        """Write and remove a small file; see Storage.check."""
        try:
            self._make()
        except StorageError as error:
            mend = (
                "create or mount the folder, and let this user write to it; or choose another "
                "(HOMEPORT_STORAGE, or the path of the block)"
            )
            return CheckReport(self.where, (CheckStep("reachable", False, str(error)),), mend)
        return super().check()

    def size(self, key: str) -> int | None:
        """How many bytes are kept under the key; None when there is nothing."""
        with self._explained("look into"):
            try:
                return (self.path / key).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks under the key: written beside it, synced, renamed."""
        target = self.path / key
        with self._explained("write to"):
            part = self._written(target, chunks)
            try:
                _sync(part)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
            _sync_folder(target.parent)

    def _written(self, target: Path, chunks: Iterable[bytes]) -> Path:
        """The file beside the target that has the chunks, not synced yet."""
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as out:
                for chunk in chunks:
                    out.write(chunk)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return part

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces; KeyError when there is nothing under the key."""
        with self._explained("read"):
            try:
                stream = (self.path / key).open("rb")
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise KeyError(key) from None
            with stream:
                stream.seek(start)
                left = length
                while left is None or left > 0:
                    chunk = stream.read(CHUNK if left is None else min(CHUNK, left))
                    if not chunk:
                        return
                    left = None if left is None else left - len(chunk)
                    yield chunk

    def keys(self, below: str = "") -> Iterator[str]:
        """The keys below a folder; see Listing. Links to folders are not followed."""
        with self._explained("look into"):
            for folder, _, names in os.walk(self.path / below):
                for name in names:
                    if not _PARTIAL.fullmatch(name):
                        yield (Path(folder) / name).relative_to(self.path).as_posix()

    def remove(self, key: str) -> None:
        """Remove what is under the key, and its folder if nothing else is in it."""
        with self._explained("remove from"):
            (self.path / key).unlink(missing_ok=True)
        with suppress(OSError):  # other files are in it
            (self.path / key).parent.rmdir()

    def _make(self) -> None:
        with self._explained("make"):
            self.path.mkdir(mode=0o755, parents=True, exist_ok=True)

    def _look(self, digest: str) -> None:
        if not self.path.is_dir():
            raise StorageUnreachable(
                f"{self.where}, where the code {digest} was stored, is not there. Is the share mounted on this "
                "machine, at the same path as where the flow was registered? (HOMEPORT_STORAGE, or register --storage)"
            )

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            name = "" if error.filename in (None, str(self.path)) else f" ({error.filename})"
            if error.errno in REFUSALS:
                raise StorageRefused(f"cannot {doing} {self.where}: {REFUSALS[error.errno]}{name}") from error
            raise StorageUnreachable(f"cannot {doing} {self.where}: {error.strerror or error}{name}") from error


class _Together(FolderStorage):
    """The folder while one tree is written to it: many files are made durable at once, which takes as long as for one.

    Each still has its name only once its content is on the disk. What waits for that is settled before anything is
    looked at.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._waiting: list[tuple[Path, Path]] = []

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        target = self.path / key
        if os.path.lexists(target):  # whoever replaces something may have to hear at once that it cannot be
            self.settle()
            super().write(key, chunks)
            return
        with self._explained("write to"):
            self._waiting.append((self._written(target, chunks), target))
        if len(self._waiting) >= AT_ONCE:
            self.settle()

    def size(self, key: str) -> int | None:
        self.settle()
        return super().size(key)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.settle()
        return super().read(key, start, length)

    def settle(self) -> None:
        """Make durable what was written, in the order in which it was."""
        if not self._waiting:
            return
        with self._explained("write to"):
            # The file system puts what several threads want synced into one transaction of its journal.
            in_parallel([partial(_sync, part) for part, _ in self._waiting], SYNCS)
            for part, target in self._waiting:
                part.replace(target)
            folders = {target.parent for _, target in self._waiting}
            in_parallel([partial(_sync_folder, folder) for folder in folders], SYNCS)
            self._waiting = []

    def give_up(self) -> None:
        """Remove what did not get its name."""
        for part, _ in self._waiting:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; a share that cannot sync folders is taken at its word."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
