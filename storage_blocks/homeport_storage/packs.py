"""A pack: many small files under one key, because 20,000 of them one by one take minutes on any network.

    {"files":[["<sha256>",<size>],...],"version":1}\\n<contents, one after the other>

Its name is the SHA-256 of its first line. So the name follows from the files alone, before any of them is read: a
registration that broke off finds its packs again by name, and a first line that was tampered with does not fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from homeport.code.manifest import CodeFile, is_sha256
from homeport.code.tree import CodeTree
from homeport_storage.layout import MIB, PACK_FILES, PACK_LEAST, PACK_MOST, PACK_USUAL

VERSION = 1
MAX_HEADER = 2 * MIB


@dataclass(frozen=True, slots=True)
class PackEntry:
    """What an index says of a pack: its name, the bytes of its first line, and of all of it."""

    name: str
    header: int
    size: int


class NotAPackError(ValueError):
    """The bytes are not the first line of the pack of that name."""


@dataclass(frozen=True)
class Pack:
    """The files of one pack: their hashes and sizes, in the order in which their contents lie there."""

    files: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, files: Iterable[CodeFile]) -> Pack:
        """The pack of these files."""
        return cls(tuple((file.sha256, file.size) for file in files))

    @cached_property
    def header(self) -> bytes:
        """Its first line."""
        document = {"files": self.files, "version": VERSION}
        return json.dumps(document, separators=(",", ":"), sort_keys=True).encode() + b"\n"

    @cached_property
    def entry(self) -> PackEntry:
        """What an index says of it."""
        content = sum(size for _, size in self.files)
        return PackEntry(hashlib.sha256(self.header).hexdigest(), len(self.header), len(self.header) + content)

    def offsets(self) -> Iterator[tuple[str, int]]:
        """Each hash, and at which byte of the pack its content begins."""
        at = len(self.header)
        for sha256, size in self.files:
            yield sha256, at
            at += size

    def chunks(self, tree: CodeTree, files: Sequence[CodeFile]) -> Iterator[bytes]:
        """The bytes of the pack, read from the files' tree; raises CodeChanged when one is no longer what it was."""
        pending, size = [self.header], len(self.header)
        for file in files:
            content = tree.content(file)
            pending.append(content)
            size += len(content)
            if size >= MIB:  # a store pays for each piece
                yield b"".join(pending)
                pending, size = [], 0
        yield b"".join(pending)


def gather(files: Iterable[CodeFile]) -> list[list[CodeFile]]:
    """Small files, pack by pack.

    Where a pack ends is decided by the hash of a file, not by counting: a file more or less at the front changes one
    pack and not all that follow, so a store whose list of versions was lost still has most of them.
    """
    packs: list[list[CodeFile]] = []
    current: list[CodeFile] = []
    size = 0
    for file in files:
        if current and (size + file.size > PACK_MOST or len(current) == PACK_FILES):
            packs.append(current)
            current, size = [], 0
        current.append(file)
        size += file.size
        # The chance to end grows with the file, so that packs are alike in bytes, not in files.
        if size >= PACK_LEAST and int(file.sha256[:8], 16) * PACK_USUAL < file.size << 32:
            packs.append(current)
            current, size = [], 0
    if current:
        packs.append(current)
    return packs


def parse(entry: PackEntry, header: bytes) -> Pack:
    """The pack that an index names, from its first line; raises NotAPackError when it is not that line."""
    if len(header) != entry.header or hashlib.sha256(header).hexdigest() != entry.name:
        raise NotAPackError(entry.name)
    try:
        document = json.loads(header)
        files = tuple((sha256, size) for sha256, size in document["files"])
        proper = document["version"] == VERSION and all(
            isinstance(sha256, str) and is_sha256(sha256) and type(size) is int and size >= 0 for sha256, size in files
        )
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise NotAPackError(entry.name) from error
    if not proper:
        raise NotAPackError(entry.name)
    return Pack(files)
