"""Storages as people's file systems: 2.x's `read_path`, `write_path`, `get_directory` and `put_directory`.

S3.load("prod").write_path("reports/today.csv", content)
await S3.load("prod").read_path("reports/today.csv")

In async code each of them is awaited, as in 2.x. Files lie there under their own names, as any other program sees them.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from homeport.storage.description import Storage

if TYPE_CHECKING:
    from homeport.blobs import BlobStore

CHUNK = 1024 * 1024
MOST_AT_ONCE = 16

_opened: WeakKeyDictionary[Storage, BlobStore] = WeakKeyDictionary()
_opening = threading.Lock()


class PathNotFound(FileNotFoundError, ValueError):  # noqa: N818 - named for what happened; a ValueError, as in 2.x
    """There is no file, or no folder, of this name."""


class Files(Storage):
    """The base of storages that keep files. Paths are relative, with forward slashes, and stay in the storage.

    Methods raise ValueError for a path that does not, PathNotFound, and a StorageError that names the storage.
    """

    def read_path(self, path: str) -> Any:
        """The bytes of the file."""

        def read() -> bytes:
            store, key = self._at(path)
            return b"".join(_read(store, key))

        return awaited(read)

    def write_path(self, path: str, content: bytes | bytearray | memoryview) -> Any:
        """Keep the bytes as the file of this path, in place of what is there; the path."""
        if not isinstance(content, bytes | bytearray | memoryview):
            raise TypeError(f"write_path keeps bytes, and was given {type(content).__name__}: content.encode()?")
        whole = bytes(content)

        def write() -> str:
            store, key = self._at(path)
            store.write(key, (whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK)))
            return key

        return awaited(write)

    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> Any:
        """Copy what lies below `from_path` (all, unless given) to a folder here (the working folder); how many files.

        Each file appears here whole or not at all; what is here besides stays. PathNotFound where nothing is there.
        """

        def get() -> int:
            store, below = self._at(from_path, folder=True)
            into = Path(local_path or ".").expanduser().absolute()
            keys = sorted(_keys(store, below))
            if not keys:
                raise PathNotFound(
                    f"there is no folder {below!r} in {store.where}" if below else f"{store.where} is empty"
                )
            places = [(key, _place(into, key[len(below) :].lstrip("/"), store)) for key in keys]
            _each(store, places, lambda one: _fetch(store, *one))
            return len(places)

        return awaited(get)

    def put_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = None
    ) -> Any:
        """Copy a folder of here (the working folder, unless given) to below `to_path`; how many files.

        `ignore_file` has the syntax of `.gitignore`. Links to files are followed, those to folders are not.
        """

        def put() -> int:
            store, below = self._at(to_path, folder=True)
            source = Path(local_path or ".").expanduser().absolute()
            if not source.is_dir():
                raise PathNotFound(f"there is no folder {source}")
            names = sorted(_names(source, ignore_file))
            files = [(source / name, _joined(below, name)) for name in names]
            _each(store, files, lambda one: store.write(one[1], _pieces(one[0])))
            return len(files)

        return awaited(put)

    def _at(self, path: str | None, *, folder: bool = False) -> tuple[BlobStore, str]:
        store = _store(self)
        return store, _key(path, store, folder=folder)


def _store(storage: Storage) -> BlobStore:
    from homeport.blobs import BlobStore
    from homeport.code.storage import open_storage

    with _opening:
        found = _opened.get(storage)
        if found is None:
            opened = open_storage(reference_of(storage))
            assert isinstance(opened, BlobStore), "kinds that keep files are blob stores"
            found = _opened[storage] = opened
        return found


def reference_of(storage: Storage) -> dict[str, Any]:
    """What opens it: its fields, or those that its block has now. Raises BlockNotFound, NotConnected."""
    described = storage.to_dict()
    if "block" in described:
        from homeport.blocks.kept import load_block

        return load_block(described["block"]).reference
    if described["kind"] == "folder":
        return {**described, "path": str(Path(described.get("path", ".")).expanduser().absolute())}
    return described


def within(text: str, where: str) -> str:
    """The path without what means nothing in it; ValueError for one that leads out of the storage."""
    if text.startswith("/") or "\\" in text or "\x00" in text or ".." in PurePosixPath(text).parts:
        raise ValueError(f"{text!r} is no path within {where}: it is relative, with forward slashes, and has no '..'.")
    return "/".join(part for part in PurePosixPath(text).parts if part != ".")


def _key(path: str | None, store: BlobStore, *, folder: bool) -> str:
    text = os.fspath(path) if path is not None else ""
    base = getattr(store, "path", None)
    if isinstance(base, Path) and Path(text).is_absolute():
        # 2.x takes absolute paths of the local file system, if they are within it.
        if not Path(text).is_relative_to(base):
            raise ValueError(f"{text!r} is outside of {store.where}.")
        text = Path(text).relative_to(base).as_posix()
    key = within(text, store.where)
    if not key and not folder:
        raise ValueError(f"a file of {store.where} has a name; none was given")
    return key


def _read(store: BlobStore, key: str) -> Iterable[bytes]:
    try:
        yield from store.read(key)
    except KeyError:
        raise PathNotFound(f"there is no file {key!r} in {store.where}") from None


def _keys(store: BlobStore, below: str) -> Iterable[str]:
    from homeport.blobs import Listing

    if not isinstance(store, Listing):
        raise TypeError(
            f"{store.where} cannot say what lies in it: its kind has no keys(), and get_directory needs it."
        )
    return store.keys(below)


def _place(into: Path, name: str, store: BlobStore) -> Path:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or any(part == ".." or "\\" in part or ":" in part[:2] for part in parts):
        raise ValueError(f"a file of {store.where} is called {name!r}, which would leave the folder {into}.")
    return into.joinpath(*parts)


def _fetch(store: BlobStore, key: str, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with partial.open("xb") as out:
            for piece in _read(store, key):
                out.write(piece)
        partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)


def _names(source: Path, ignore_file: str | None) -> Iterable[str]:
    spec = None
    if ignore_file is not None:
        from pathspec import GitIgnoreSpec

        spec = GitIgnoreSpec.from_lines(Path(ignore_file).expanduser().read_text(encoding="utf-8").splitlines())
    for folder, _, files in os.walk(source):
        for file in files:
            name = (Path(folder) / file).relative_to(source).as_posix()
            if (Path(folder) / file).is_file() and (spec is None or not spec.match_file(name)):
                yield name


def _pieces(file: Path) -> Iterable[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(CHUNK):
            yield piece


def _each(store: BlobStore, many: list[Any], do: Callable[[Any], object]) -> None:
    """Each of them, as many at once as the storage is faster with; the first error ends it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max(1, min(store.parallel, MOST_AT_ONCE))) as pool:
        running = [pool.submit(do, one) for one in many]
        try:
            for one in running:
                one.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _joined(below: str, name: str) -> str:
    return f"{below}/{name}" if below else name


def awaited(function: Callable[[], Any]) -> Any:
    """What it returns; on an event loop, a coroutine of it, which blocks no other task."""
    from homeport.runtime.connection import awaited_in_async

    return awaited_in_async(function)()
