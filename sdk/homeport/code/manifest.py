"""The manifest: the sorted list of a tree's files, and the digest that names them all.

The digest is the SHA-256 of the manifest's canonical bytes (sorted, compact, UTF-8), so equal trees have equal
digests on every machine. Of a file's mode only "may be executed" counts: umasks differ from machine to machine.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from homeport.code.errors import UnsafeCode

MANIFEST_VERSION = 1
MAX_MANIFEST_BYTES = 128 * 1024 * 1024
"""For both sides: what may be registered can be fetched. It is 200,000 files with paths of 500 characters."""

Mode = Literal["644", "755"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_PATH_BYTES = 1024


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One file of a tree: its path from the root (with /), mode, content hash in hex, and size in bytes."""

    path: str
    mode: Mode
    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """All files of a tree, sorted by path."""

    files: tuple[CodeFile, ...]

    @classmethod
    def of(cls, files: Iterable[CodeFile]) -> Manifest:
        """The manifest of these files; raises UnsafeCode for a name that cannot be written safely everywhere."""
        ordered = tuple(sorted(files, key=lambda file: file.path.encode("utf-8", "surrogatepass")))
        check_names([file.path for file in ordered])
        return cls(ordered)

    def canonical(self) -> bytes:
        """The bytes that are hashed and stored."""
        return self._canonical

    @cached_property
    def _canonical(self) -> bytes:
        files = [
            {"mode": file.mode, "path": file.path, "sha256": file.sha256, "size": file.size} for file in self.files
        ]
        document = {"files": files, "version": MANIFEST_VERSION}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()

    @property
    def digest(self) -> str:
        """`sha256:<64 hex digits>` over the canonical bytes."""
        return digest_of(self.canonical())

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def digest_of(manifest: bytes) -> str:
    """The digest that names these manifest bytes."""
    return "sha256:" + hashlib.sha256(manifest).hexdigest()


def is_digest(text: str) -> bool:
    """Whether the text is a well-formed digest (which makes it safe as a part of a path, too)."""
    kind, _, value = text.partition(":")
    return kind == "sha256" and is_sha256(value)


def is_sha256(text: str) -> bool:
    """Whether the text is 64 lower-case hex digits."""
    return _SHA256.fullmatch(text) is not None


def parse(data: bytes) -> Manifest:
    """The manifest in these bytes; raises UnsafeCode when they are not one, or hold a name that is not safe."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnsafeCode(f"this is not a code manifest: {error}") from error
    if not isinstance(document, dict) or document.get("version") != MANIFEST_VERSION:
        found = document.get("version") if isinstance(document, dict) else type(document).__name__
        raise UnsafeCode(f"this code manifest has version {found!r}; this Homeport reads version {MANIFEST_VERSION}")
    files = document.get("files")
    if not isinstance(files, list):
        raise UnsafeCode("this code manifest has no list of files")
    return Manifest.of(_file(entry) for entry in files)


def _file(entry: Any) -> CodeFile:
    if not isinstance(entry, dict):
        raise UnsafeCode(f"a file of the code manifest is a {type(entry).__name__}, not an object")
    path, mode, sha256, size = (entry.get(name) for name in ("path", "mode", "sha256", "size"))
    if not isinstance(path, str) or not isinstance(sha256, str) or not is_sha256(sha256):
        raise UnsafeCode(f"a file of the code manifest has no proper path or hash: {path!r}")
    if type(size) is not int or size < 0:
        raise UnsafeCode(f"{path!r} in the code manifest has the size {size!r}")
    if mode == "644":
        return CodeFile(path, "644", sha256, size)
    if mode == "755":
        return CodeFile(path, "755", sha256, size)
    raise UnsafeCode(f"{path!r} in the code manifest has the mode {mode!r}; only 644 and 755 are allowed")


def check_names(paths: list[str]) -> None:
    """Refuse (UnsafeCode) names that leave the folder, clash on some file system, or hide one file behind another."""
    folded: dict[str, str] = {}
    for path in paths:
        check_name(path)
        key = path.casefold()
        if key in folded:
            raise UnsafeCode(
                f"{folded[key]!r} and {path!r} are one name where upper and lower case are the same; rename one of them"
            )
        folded[key] = path
    _refuse_folder_and_file_of_one_name(folded)


def _refuse_folder_and_file_of_one_name(folded: dict[str, str]) -> None:
    looked_at: set[str] = set()
    folders: dict[str, str] = {}
    for path in folded.values():
        folder = path.rpartition("/")[0]
        while folder and folder not in looked_at:
            looked_at.add(folder)
            key = folder.casefold()
            if key in folded:
                raise UnsafeCode(f"{folded[key]!r} is a file, and {path!r} needs it to be a folder")
            if folders.setdefault(key, folder) != folder:
                raise UnsafeCode(
                    f"the folders {folders[key]!r} and {folder!r} are one name where upper and lower case are "
                    "the same; rename one of them"
                )
            folder = folder.rpartition("/")[0]


def check_name(path: str) -> None:
    """Refuse (UnsafeCode) one name that is not a plain relative path with forward slashes."""
    if _PLAIN_NAME.fullmatch(path) and len(path) <= _PATH_BYTES:
        return  # what nearly every name is, told by one look
    if not path or path.startswith("/") or "\\" in path or (len(path) > 1 and path[1] == ":"):
        raise UnsafeCode(
            f"{path!r} is not a relative path with forward slashes; rename it or name it in .homeportignore"
        )
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise UnsafeCode(f"{path!r} would leave the folder of the code")
    if any(ord(character) < 32 or 0xD800 <= ord(character) <= 0xDFFF for character in path):
        raise UnsafeCode(
            f"{path!r} has a control character, or bytes that are not UTF-8, in its name; "
            "rename it or name it in .homeportignore"
        )
    if len(path.encode()) > _PATH_BYTES:
        raise UnsafeCode(f"{path[:60]!r}... is a path of more than {_PATH_BYTES} bytes; shorten it")
