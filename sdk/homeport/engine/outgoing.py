"""What leaves a process for another, while it is pickled: counted, cut short beyond the limit, large ones in pieces.

A result of ten gigabytes is thus refused when the first of them is written, not after the last; and one that may travel
leaves a piece at a time, so that no second copy of it is held.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable
from pickle import PickleBuffer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer  # Python has it from 3.12 on

PIECE = 1 << 20
"""Bytes from which on something is large: it travels in pieces of this size, or beside its message."""


class TooLarge(Exception):  # noqa: N818 - named for what it is
    """More bytes than may be sent; `found` is how many there were when it was noticed."""

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(f"it has at least {found:,} bytes pickled, and at most {limit:,} are sent")
        self.found, self.limit = found, limit


class Outgoing:
    """A file to pickle into. Raises TooLarge above `limit` bytes (0: no limit); hands large things on by `send`."""

    __slots__ = ("_kept", "_limit", "_send", "is_in_pieces", "size")

    def __init__(self, limit: int = 0, send: Callable[[Buffer], None] | None = None) -> None:
        self._kept = io.BytesIO()
        self._limit, self._send = limit, send
        self.size = 0
        self.is_in_pieces = False

    def write(self, data: Buffer) -> int:
        """Take these bytes."""
        view = PickleBuffer(data).raw()
        self.size += view.nbytes
        if self._limit and self.size > self._limit:
            raise TooLarge(self.size, self._limit)
        if self._send is None or self._kept.tell() + view.nbytes <= PIECE:
            return self._kept.write(view)
        self._hand_on(self._send, view)
        return view.nbytes

    def rest(self) -> bytes:
        """What was not handed on: all of it, if `is_in_pieces` is false."""
        return self._kept.getvalue()

    def _hand_on(self, send: Callable[[Buffer], None], view: memoryview) -> None:
        self.is_in_pieces = True
        if self._kept.tell():
            send(self._kept.getvalue())
            self._kept = io.BytesIO()
        for begin in range(0, view.nbytes, PIECE):
            send(view[begin : begin + PIECE])


class Nowhere:
    """A file that keeps nothing: for whoever wants to know whether something can be pickled, and is not too large."""

    def __init__(self, limit: int = 0) -> None:
        self._limit, self.size = limit, 0

    def write(self, data: Buffer) -> int:
        """Count these bytes."""
        count = memoryview(data).nbytes
        self.size += count
        if self._limit and self.size > self._limit:
            raise TooLarge(self.size, self._limit)
        return count


class Pieces(io.RawIOBase):
    """What came in pieces, to be read once. The list is emptied: each piece is let go of when it has been read."""

    def __init__(self, pieces: list[Buffer]) -> None:
        self._left = deque(memoryview(piece) for piece in pieces)
        pieces.clear()

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, into: Buffer, /) -> int:
        """Fill as much of it as one piece has; 0 at the end."""
        if not self._left:
            return 0
        target, piece = memoryview(into).cast("B"), self._left.popleft()
        count = min(target.nbytes, piece.nbytes)
        target[:count] = piece[:count]
        if count < piece.nbytes:
            self._left.appendleft(piece[count:])
        return count
