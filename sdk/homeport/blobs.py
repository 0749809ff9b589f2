"""What a kind of storage implements: keep and give bytes under a key. Code and results are both built on it.

Keys are relative paths with forward slashes. Those of code are made of hex digits and fixed words; those of results may
hold what a user's template says, and are checked first (results/keys.py). So they are safe as file names and object
names alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable


@runtime_checkable
class BlobStore(Protocol):
    """Bytes under keys. Every method raises StorageUnreachable or StorageRefused, with the storage in the message.

    Methods block and may be called from several threads at once: as many as `parallel` says make sense.
    """

    @property
    def where(self) -> str:
        """The storage as a user knows it, for messages: "the folder /srv/flows"."""
        ...

    @property
    def parallel(self) -> int:
        """How many calls at once are faster than one after the other; 1 for a disk, more for a network."""
        ...

    def size(self, key: str) -> int | None:
        """How many bytes are kept under the key; None when there is nothing."""
        ...

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks under the key: all of them or nothing, durably; what is there already is replaced."""
        ...

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces, from `start` on and at most `length`; KeyError when there is nothing under the key.

        A range that begins at or past the end gives nothing, and one that goes past it ends with it.
        """
        ...

    def remove(self, key: str) -> None:
        """Remove what is under the key; nothing happens when there is nothing."""
        ...


@runtime_checkable
class Listing(Protocol):
    """A store that can say what it keeps; code and results need it not, people's folders do."""

    def keys(self, below: str = "") -> Iterator[str]:
        """The keys below a folder, "a/b" (all for ""), in any order; none where there is none. Raises as BlobStore."""
        ...


def within(chunks: Iterable[bytes], start: int, length: int | None) -> Iterator[bytes]:
    """What of all of a blob's chunks a range is: for a store that can only read from the beginning.

    Raises KeyError when there is no chunk at all, not even an empty one: then nothing is kept.
    """
    at, end, found = 0, None if length is None else start + length, False
    for chunk in chunks:
        found = True
        if end is not None and at >= end:
            return
        yield chunk[max(0, start - at) : None if end is None else max(0, end - at)]
        at += len(chunk)
    if not found:
        raise KeyError
