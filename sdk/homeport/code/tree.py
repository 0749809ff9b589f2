"""Which files a flow's code is, and reading them so that what is stored is what was hashed.

The root is the folder that imports are resolved from, next to the script's own: `--root`, else the nearest parent
with a pyproject.toml, .git or .homeportignore, else the file's own folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.code import ignore, suspects
from homeport.code.errors import CodeChanged, CodeTooLarge, PackingError, UnsafeCode
from homeport.code.hashes import Hashes, Seen
from homeport.code.manifest import MAX_MANIFEST_BYTES, CodeFile, Manifest, Mode
from homeport.code.reading import open_regular, pieces

if TYPE_CHECKING:
    from homeport.config import Settings

ROOT_MARKERS = ("pyproject.toml", ".git", ignore.IGNORE_FILE)
COUNTED = 10
"""Counting goes on to so many times the limit of files, so that the message can say what is so large."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a tree may be."""

    files: int = 20_000
    bytes: int = 256 * 1024 * 1024

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that the settings give."""
        return cls(settings.code_max_files or sys.maxsize, settings.code_max_bytes or sys.maxsize)


@dataclass(frozen=True)
class CodeTree:
    """The files that will be sent, hashed, and warnings about what probably should not be among them."""

    root: Path
    manifest: Manifest
    warnings: tuple[str, ...] = ()
    hashes: Hashes | None = field(default=None, compare=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>`: the name of exactly these files."""
        return self.manifest.digest

    def chunks(self, file: CodeFile) -> Iterator[bytes]:
        """The file's content in pieces; raises CodeChanged at the end when it is no longer what was hashed."""
        hasher = hashlib.sha256()
        for chunk in _read(f"{self.root}/{file.path}", file.size):
            hasher.update(chunk)
            yield chunk
        if hasher.hexdigest() != file.sha256:
            if self.hashes is not None:
                self.hashes.forget()  # the next try looks into every file, whatever their times say
            raise _changed(self.root / file.path)

    def content(self, file: CodeFile) -> bytes:
        """All of a small file; raises CodeChanged when it is no longer what was hashed."""
        return b"".join(self.chunks(file))


def find_root(file: Path, root: Path | None = None) -> Path:
    """The root of the tree that `file` belongs to; raises PackingError when `root` does not contain the file."""
    file = Path(os.path.abspath(file))  # noqa: PTH100 - not resolve(): a link inside the tree keeps its place in it
    if root is not None:
        root = Path(os.path.abspath(root))  # noqa: PTH100
        if not root.is_dir():
            raise PackingError(f"the root {root} is not a folder")
        if not file.is_relative_to(root):
            raise PackingError(f"{file} is not in the root {root}; give --root a folder above the file")
        return root
    folder = file if file.is_dir() else file.parent
    for parent in (folder, *folder.parents):
        if any((parent / marker).exists() for marker in ROOT_MARKERS):
            return parent
    return folder


def collect(
    root: Path, limits: Limits | None = None, *, leave_out: Iterable[Path] = (), hashes: Hashes | None = None
) -> CodeTree:
    """Hash every file below `root` that is not ignored and not in a folder to `leave_out`.

    What `hashes` knows is not read again. Raises PackingError (naming the file) for a link that leaves the tree, a
    name that is not portable or a file that cannot be read; CodeTooLarge naming the largest files and folders;
    CodeChanged when a file is written to meanwhile.
    """
    limits = limits or Limits()
    found = _walked(root, limits, {os.path.realpath(folder) for folder in leave_out})
    files: list[CodeFile] = []
    warnings: list[str] = []
    for path, status in found:
        seen = _seen(root, path, status, hashes)
        secret = suspects.by_name(path) or seen.secret
        if secret:
            warnings.append(suspects.warning(path, secret))
        mode: Mode = "755" if status.st_mode & stat.S_IXUSR else "644"
        files.append(CodeFile(path, mode, seen.sha256, status.st_size))
    try:
        manifest = Manifest.of(files)
    except UnsafeCode as error:
        raise PackingError(f"{root}: {error}") from error
    if len(manifest.canonical()) > MAX_MANIFEST_BYTES:
        raise CodeTooLarge(
            f"the list of the {len(files)} files of {root} takes {_size(len(manifest.canonical()))}, and agents read "
            f"no more than {_size(MAX_MANIFEST_BYTES)}; {_SMALLER}"
        )
    if hashes is not None:
        hashes.save()
    return CodeTree(root, manifest, tuple(sorted(warnings)), hashes)


Found = tuple[str, os.stat_result]


def _walked(root: Path, limits: Limits, leave_out: Set[str]) -> list[Found]:
    found: list[Found] = []
    most = limits.files * COUNTED
    for item in _walk(root, leave_out):
        found.append(item)
        if len(found) > most:
            raise _too_large(root, found, limits, "more than ")
    if len(found) > limits.files or sum(status.st_size for _, status in found) > limits.bytes:
        raise _too_large(root, found, limits)
    return found


def _walk(root: Path, leave_out: Set[str]) -> Iterator[Found]:
    ignored = ignore.rules(root)
    real_root = os.path.realpath(root)
    # Each folder with where it really is, and the real folders above it: a link may lead back to one of them.
    pending: list[tuple[str, str, tuple[str, ...]]] = [("", real_root, (real_root,))]
    while pending:
        folder, real_folder, ancestors = pending.pop()
        entries = _entries(root, folder)
        if folder and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue  # a virtual environment, whatever its name
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = _is_folder(entry)
            if ignored(path, is_folder):
                continue
            real = _inside(root, real_root, path, entry) if entry.is_symlink() else f"{real_folder}/{entry.name}"
            if is_folder:
                if real in leave_out:
                    continue
                if real in ancestors:
                    raise PackingError(f"{root / path} is a link to a folder that contains it; {_IGNORE_IT}")
                pending.append((path, real, (*ancestors, real)))
                continue
            status = _status(root, path, entry)
            if stat.S_ISREG(status.st_mode):
                yield path, status


_IGNORE_IT = f"name it in {ignore.IGNORE_FILE}, or remove it"
_SMALLER = f"name what the flow does not need in {ignore.IGNORE_FILE}, or choose a smaller folder with --root"


def _entries(root: Path, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(f"{root}/{folder}") as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise PackingError(f"the folder {root / folder} cannot be read ({error.strerror}); {_IGNORE_IT}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself; named when it is looked at as a file


def _inside(root: Path, real_root: str, path: str, entry: os.DirEntry[str]) -> str:
    try:
        real = (root / path).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise PackingError(
            f"{root / path} is a link to {(root / path).readlink()}, which is not there; {_IGNORE_IT}"
        ) from error
    if not real.is_relative_to(real_root):
        raise PackingError(
            f"{root / path} is a link to {real}, outside of the tree {root}: the agent would not have it. "
            f"Copy it into the tree, choose a larger --root, or name it in {ignore.IGNORE_FILE}"
        )
    return str(real)


def _status(root: Path, path: str, entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except FileNotFoundError as error:
        raise _changed(root / path) from error
    except OSError as error:
        raise PackingError(f"{root / path} cannot be read ({error.strerror}); {_IGNORE_IT}") from error


def _too_large(root: Path, found: list[Found], limits: Limits, more: str = "") -> CodeTooLarge:
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for path, status in found:
        top = path.partition("/")[0] if "/" in path else "."
        files[top] += 1
        sizes[top] += status.st_size
    largest = sorted(found, key=lambda item: -item[1].st_size)[:3]
    by_count = len(found) > limits.files
    folders = [top for top, _ in (files if by_count else sizes).most_common(4) if top != "."][:3]
    named = ", ".join(f"{top}/ ({files[top]} files, {_size(sizes[top])})" for top in folders)
    heaviest = ", ".join(f"{path} ({_size(status.st_size)})" for path, status in largest)
    return CodeTooLarge(
        f"{root} has {more}{len(found)} files of {_size(sum(sizes.values()))} together, over the limit of "
        f"{limits.files} files and {_size(limits.bytes)}. "
        + (f"The largest folders are {named}. " if named else "")
        + ("" if by_count else f"The largest files are {heaviest}. ")
        + f"{_SMALLER[0].upper()}{_SMALLER[1:]}. If all of it is needed, raise the limit: "
        + ("HOMEPORT_CODE_MAX_FILES" if by_count else "HOMEPORT_CODE_MAX_BYTES")
    )


def _size(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB" if size < 1024**3 else f"{size / 1024**3:.1f} GiB"


def _seen(root: Path, path: str, before: os.stat_result, hashes: Hashes | None) -> Seen:
    """What is in the file: as it is remembered, else by reading it."""
    seen = hashes.known(path, before) if hashes is not None else None
    if seen is not None:
        return seen
    started = hashes.started() if hashes is not None else 0
    hasher, look = hashlib.sha256(), suspects.Look(path)
    for chunk in _read(f"{root}/{path}", before.st_size, before):
        hasher.update(chunk)
        look.at(chunk)
    seen = Seen(hasher.hexdigest(), look.found)
    if hashes is not None:
        hashes.note(path, before, seen, started)
    return seen


def _read(file: str, size: int, before: os.stat_result | None = None) -> Iterator[bytes]:
    """The content; raises CodeChanged when the file is not, or is no longer, what `before` says."""
    try:
        descriptor = open_regular(file)
    except FileNotFoundError as error:
        raise _changed(Path(file)) from error
    except OSError as error:
        raise PackingError(f"{file} cannot be read ({error.strerror}); {_IGNORE_IT}") from error
    taken = 0
    try:
        for chunk in pieces(descriptor, size):
            taken += len(chunk)
            yield chunk
        if before is not None and (taken != size or _moved(before, os.fstat(descriptor))):
            raise _changed(Path(file))
    except OSError as error:
        raise PackingError(f"{file} cannot be read ({error.strerror}); {_IGNORE_IT}") from error
    finally:
        os.close(descriptor)


def _moved(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns, before.st_ino) != (after.st_size, after.st_mtime_ns, after.st_ino)


def _changed(file: Path) -> CodeChanged:
    return CodeChanged(f"{file} changed while it was being read; register again when nothing writes to it")
