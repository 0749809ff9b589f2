"""Writing a stored tree to a folder: what this machine has is copied, the rest is read in as few requests as it takes.

Nothing read back is trusted: the manifest must have the digest asked for, each file the hash and size that the
manifest names, and each name stays in the folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from homeport.blobs import BlobStore
from homeport.code.errors import CodeMissing, DigestMismatch, StorageRefused, UnsafeCode
from homeport.code.manifest import MAX_MANIFEST_BYTES, CodeFile, Manifest, digest_of, is_digest, parse
from homeport.code.reading import open_regular
from homeport.code.storage import LocalFiles
from homeport_storage import packs
from homeport_storage.indexes import read_index
from homeport_storage.layout import FEW, GAP, MIB, SMALL, blob_key, manifest_key, pack_key
from homeport_storage.packs import NotAPackError, PackEntry
from homeport_storage.parallel import in_parallel

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def fetch(store: BlobStore, digest: str, into: Path, have: LocalFiles | None = None) -> Manifest:
    """Write the verified tree to `into`, which appears complete or not at all; its manifest."""
    manifest = read_manifest(store, digest)
    partial_folder = into.with_name(f".{into.name}.{uuid.uuid4().hex}")
    try:
        partial_folder.mkdir(mode=0o700, parents=True)
        Fetching(store, digest, partial_folder, manifest).run(have)
        partial_folder.rename(into)
    except OSError as error:
        raise StorageRefused(
            f"the code {digest} from {store.where} could not be written to {into}: {error.strerror or error}"
        ) from error
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
    return manifest


def read_manifest(store: BlobStore, digest: str) -> Manifest:
    """The manifest with this digest; raises CodeMissing, DigestMismatch or UnsafeCode."""
    if not is_digest(digest):
        raise UnsafeCode(f"{digest!r} is not a code digest (sha256: and 64 hex digits)")
    try:
        # One byte more than is allowed, so that what is longer cannot have the digest.
        data = b"".join(store.read(manifest_key(digest), 0, MAX_MANIFEST_BYTES + 1))
    except KeyError:
        raise CodeMissing(
            f"the code {digest} is not in {store.where} ({manifest_key(digest)} is missing). {_EMPTIED}"
        ) from None
    found = digest_of(data)
    if found != digest:
        raise DigestMismatch(
            f"{store.where} has other code than was registered: asked for {digest}, found {found}. "
            f"{_tampered(manifest_key(digest))}"
        )
    try:
        return parse(data)
    except UnsafeCode as error:
        raise UnsafeCode(f"the code {digest} in {store.where} was refused: {error}") from error


_EMPTIED = (
    "Was the storage emptied, or is another one mounted here than where the flow was registered? "
    "Registering the flow again puts it back"
)


def _tampered(key: str) -> str:
    return f"Remove {key} there, register the flow again, and find out who wrote to the storage"


@dataclass(frozen=True, slots=True)
class Slice:
    """Where in a pack a file's content is."""

    file: CodeFile
    at: int


@dataclass
class Fetching:
    """One tree on its way into one folder. Files of equal content travel once."""

    store: BlobStore
    digest: str
    folder: Path
    manifest: Manifest
    _copies: dict[str, list[CodeFile]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._root = str(self.folder)

    def run(self, have: LocalFiles | None) -> None:
        """Write every file; raises the errors of Storage.fetch."""
        for file in self.manifest.files:
            self._copies.setdefault(file.sha256, []).append(file)
        self._make_folders()
        wanted = {sha256: files[0] for sha256, files in self._copies.items()}
        if have is not None:
            wanted = {sha256: file for sha256, file in wanted.items() if not self._copied(have(sha256), file)}
        if not wanted:
            return
        slices = self._placed({sha256: file for sha256, file in wanted.items() if file.size <= SMALL})
        in_packs = {piece.file.sha256 for pieces in slices.values() for piece in pieces}
        jobs: list[Callable[[], None]] = [
            partial(self._read_slices, entry, run) for entry, pieces in slices.items() for run in _runs(pieces)
        ]
        alone = sorted((file for sha256, file in wanted.items() if sha256 not in in_packs), key=lambda file: -file.size)
        jobs += [partial(self._read_alone, file) for file in alone]
        in_parallel(jobs, self.store.parallel)

    def _make_folders(self) -> None:
        folders = {""}
        for file in self.manifest.files:
            folder = file.path.rpartition("/")[0]
            while folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        for folder in sorted(folders - {""}):
            (self.folder / folder).mkdir(mode=0o700)

    # What this machine has.

    def _copied(self, source: Path | None, file: CodeFile) -> bool:
        """Whether the content was here; what is on this machine is hashed like what comes from elsewhere."""
        if source is None:
            return False
        try:
            descriptor = open_regular(source)
        except OSError:
            return False
        try:
            return self._written(file, iter(partial(os.read, descriptor, MIB), b"")) is None
        finally:
            os.close(descriptor)

    # What the store has.

    def _placed(self, small: Mapping[str, CodeFile]) -> dict[PackEntry, list[Slice]]:
        """Which small files are in which pack; those in none lie by themselves."""
        if not small or len({file.sha256 for file in self.manifest.files if file.size <= SMALL}) <= FEW:
            return {}  # so few were never packed: there is no index to ask for
        index = read_index(self.store, self.digest)
        if index is None or set(small) <= set(index.loose):
            return {}
        read = in_parallel([partial(self._pack, entry) for entry in index.packs], self.store.parallel)
        placed: dict[PackEntry, list[Slice]] = {}
        left = set(small)
        for entry, pack in zip(index.packs, read, strict=True):
            for sha256, at in pack.offsets() if pack is not None else ():
                if sha256 in left:
                    left.remove(sha256)
                    placed.setdefault(entry, []).append(Slice(small[sha256], at))
        lost = [entry.name for entry, pack in zip(index.packs, read, strict=True) if pack is None]
        missing = sorted(small[sha256].path for sha256 in left if sha256 not in index.loose)
        if missing and lost:
            raise CodeMissing(
                f"{_names(missing)} of the code {self.digest} cannot be had from {self.store.where} "
                f"({', '.join(map(pack_key, lost[:3]))} is missing or damaged). {_EMPTIED}"
            )
        return placed

    def _pack(self, entry: PackEntry) -> packs.Pack | None:
        try:
            return packs.parse(entry, b"".join(self.store.read(pack_key(entry.name), 0, entry.header)))
        except (KeyError, NotAPackError):
            return None

    def _read_slices(self, entry: PackEntry, run: list[Slice]) -> None:
        start = run[0].at
        end = max(piece.at + piece.file.size for piece in run)
        key = pack_key(entry.name)
        try:
            source = Pieces(self.store.read(key, start, end - start), start)
            for piece in run:
                self._keep(piece.file, [source.take(piece.at, piece.file.size)], key)
        except KeyError:
            raise self._missing(run[0].file, key) from None

    def _read_alone(self, file: CodeFile) -> None:
        key = blob_key(file.sha256)
        try:
            self._keep(file, self.store.read(key, 0, file.size + 1), key)
        except KeyError:
            raise self._missing(file, key) from None

    def _missing(self, file: CodeFile, key: str) -> CodeMissing:
        return CodeMissing(
            f"{file.path} of the code {self.digest} is not in {self.store.where} ({key} is missing). {_EMPTIED}"
        )

    def _keep(self, file: CodeFile, chunks: Iterable[bytes], key: str) -> None:
        found = self._written(file, chunks)
        if found is not None:
            raise DigestMismatch(
                f"{file.path} of the code {self.digest} in {self.store.where} is not what was registered: expected "
                f"sha256 {file.sha256} ({file.size} bytes), found {found}. {_tampered(key)}"
            )

    # Files.

    def _written(self, file: CodeFile, chunks: Iterable[bytes]) -> str | None:
        """Write the content to each file that has it. None when it is the right one; else what it was, and no file."""
        # Plain descriptors and names: at 20,000 files, objects around them cost as much as the copying itself.
        target = f"{self._root}/{file.path}"
        hasher, size = hashlib.sha256(), 0
        descriptor = _new_file(target, file)
        try:
            for chunk in chunks:
                hasher.update(chunk)
                size += len(chunk)
                _write_all(descriptor, chunk)
                if size > file.size:
                    break
        finally:
            os.close(descriptor)
        if hasher.hexdigest() != file.sha256 or size != file.size:
            os.unlink(target)  # noqa: PTH108
            more = " or more" if size > file.size else ""
            return f"{hasher.hexdigest()} ({size} bytes{more})"
        for other in self._copies[file.sha256][1:]:
            copy = _new_file(f"{self._root}/{other.path}", other)
            with open(target, "rb") as content, os.fdopen(copy, "wb") as out:  # noqa: PTH123
                shutil.copyfileobj(content, out, MIB)
        return None


class Pieces:
    """A stream of chunks, taken from piece by piece, front to back."""

    def __init__(self, chunks: Iterator[bytes], at: int) -> None:
        """The chunks begin at byte `at`."""
        # An empty chunk is no end: not every client of a storage keeps them to itself.
        self._chunks, self._at, self._rest = filter(None, chunks), at, b""

    def take(self, at: int, size: int) -> bytes:
        """The `size` bytes from `at` on; less when the stream ends before."""
        taken: list[bytes] = []
        while True:
            skip = at - self._at
            piece = self._rest[max(skip, 0) : skip + size] if skip + size > 0 else b""
            if piece:
                taken.append(piece)
                at, size = at + len(piece), size - len(piece)
            if size == 0:
                return b"".join(taken)
            self._at += len(self._rest)
            self._rest = next(self._chunks, b"")
            if not self._rest:
                return b"".join(taken)


def _runs(slices: Iterable[Slice]) -> Iterator[list[Slice]]:
    """Files that are read in one request: close enough that reading what lies between costs less than asking again."""
    run: list[Slice] = []
    end = 0
    for piece in sorted(slices, key=lambda piece: piece.at):
        if run and piece.at > end + GAP:
            yield run
            run = []
        run.append(piece)
        end = piece.at + piece.file.size
    if run:
        yield run


def _new_file(target: str, file: CodeFile) -> int:
    # O_EXCL and O_NOFOLLOW: names were checked, and still nothing that exists is ever written through.
    return os.open(target, NEW_FILE, 0o700 if file.mode == "755" else 0o600)


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    if written < len(data):
        view = memoryview(data)[written:]
        while view:
            view = view[os.write(descriptor, view) :]


def _names(paths: list[str]) -> str:
    shown = ", ".join(paths[:3])
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more files"
