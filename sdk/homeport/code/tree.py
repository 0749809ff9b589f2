"""Which files a flow's code is, and reading them so that what is stored is what was hashed.

The root is the folder that imports are resolved from, next to the script's own: `--root`, else the nearest parent
with a pyproject.toml, .git or .homeportignore, else the file's own folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from homeport.code import ignore
from homeport.code.errors import CodeChanged, CodeTooLarge, PackingError, UnsafeCode
from homeport.code.manifest import CodeFile, Manifest, Mode
from homeport.code.suspects import suspicious

ROOT_MARKERS = ("pyproject.toml", ".git", ignore.IGNORE_FILE)
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a tree may be."""

    files: int = 20_000
    bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True)
class CodeTree:
    """The files that will be sent, hashed, and warnings about what probably should not be among them."""

    root: Path
    manifest: Manifest
    warnings: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>`: the name of exactly these files."""
        return self.manifest.digest

    def chunks(self, file: CodeFile) -> Iterator[bytes]:
        """The file's content in pieces; raises CodeChanged at the end when it is no longer what was hashed."""
        hasher = hashlib.sha256()
        for chunk in _read(self.root / file.path):
            hasher.update(chunk)
            yield chunk
        if hasher.hexdigest() != file.sha256:
            raise _changed(self.root / file.path)


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


def collect(root: Path, limits: Limits | None = None, *, leave_out: Iterable[Path] = ()) -> CodeTree:
    """Hash every file below `root` that is not ignored and not in a folder to `leave_out`.

    Raises PackingError (naming the file) for a link that leaves the tree, a name that is not portable or a file that
    cannot be read; CodeTooLarge naming the largest files; CodeChanged when a file is written to meanwhile.
    """
    limits = limits or Limits()
    found = list(_walk(root, limits, {folder.resolve() for folder in leave_out}))
    _refuse_too_large(root, found, limits)
    files = [_hashed(root, path, status) for path, status in found]
    try:
        manifest = Manifest.of(files)
    except UnsafeCode as error:
        raise PackingError(f"{root}: {error}") from error
    return CodeTree(root, manifest, tuple(suspicious(root, manifest)))


def _walk(root: Path, limits: Limits, leave_out: Set[Path]) -> Iterator[tuple[str, os.stat_result]]:
    ignored = ignore.rules(root)
    real_root = root.resolve()
    # Counting goes on to ten times the limit, so that the message can say how far over it the tree is.
    budget = limits.files * 10
    pending: list[tuple[str, tuple[Path, ...]]] = [("", (real_root,))]
    while pending:
        folder, ancestors = pending.pop()
        for entry in _entries(root, folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = _is_folder(entry)
            if ignored(path, is_folder):
                continue
            real = _inside(root, real_root, path, entry)
            if is_folder:
                if real in leave_out:
                    continue
                if (real / "pyvenv.cfg").is_file():
                    continue  # a virtual environment, whatever its name
                if real in ancestors:
                    raise PackingError(f"{root / path} is a link to a folder that contains it; {_IGNORE_IT}")
                pending.append((path, (*ancestors, real)))
                continue
            status = _status(root / path)
            if stat.S_ISREG(status.st_mode):
                yield path, status
                budget -= 1
                if budget < 0:
                    raise CodeTooLarge(f"{root} has more than {limits.files * 10} files; {_SMALLER}")


_IGNORE_IT = f"name it in {ignore.IGNORE_FILE}, or remove it"
_SMALLER = f"name what the flow does not need in {ignore.IGNORE_FILE}, or choose a smaller folder with --root"


def _entries(root: Path, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise PackingError(f"the folder {root / folder} cannot be read ({error.strerror}); {_IGNORE_IT}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself; named when it is looked at as a file


def _inside(root: Path, real_root: Path, path: str, entry: os.DirEntry[str]) -> Path:
    if not entry.is_symlink():
        return real_root / path
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
    return real


def _status(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise PackingError(f"{file} cannot be read ({error.strerror}); {_IGNORE_IT}") from error


def _refuse_too_large(root: Path, found: list[tuple[str, os.stat_result]], limits: Limits) -> None:
    total = sum(status.st_size for _, status in found)
    if len(found) <= limits.files and total <= limits.bytes:
        return
    largest = sorted(found, key=lambda item: -item[1].st_size)[:3]
    names = ", ".join(f"{path} ({_megabytes(status.st_size)})" for path, status in largest)
    raise CodeTooLarge(
        f"{root} has {len(found)} files of {_megabytes(total)} together, over the limit of {limits.files} files and "
        f"{_megabytes(limits.bytes)}. The largest are {names}; {_SMALLER}"
    )


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"


def _hashed(root: Path, path: str, before: os.stat_result) -> CodeFile:
    hasher, size = hashlib.sha256(), 0
    for chunk in _read(root / path):
        hasher.update(chunk)
        size += len(chunk)
    after = _status(root / path)
    if (size, before.st_mtime_ns, before.st_size) != (after.st_size, after.st_mtime_ns, after.st_size):
        raise _changed(root / path)
    mode: Mode = "755" if before.st_mode & stat.S_IXUSR else "644"
    return CodeFile(path, mode, hasher.hexdigest(), size)


def _read(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except FileNotFoundError as error:
        raise _changed(file) from error
    except OSError as error:
        raise PackingError(f"{file} cannot be read ({error.strerror}); {_IGNORE_IT}") from error


def _changed(file: Path) -> CodeChanged:
    return CodeChanged(f"{file} changed while it was being read; register again when nothing writes to it")
