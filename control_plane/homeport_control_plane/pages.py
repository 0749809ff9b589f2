"""Keyset pagination: a page of rows, and cursors that are opaque to clients and worthless to forge."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from homeport_control_plane.errors import InvalidCursor, InvalidInput

T = TypeVar("T")
MAX_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, each with its cursor, and whether there are more."""

    nodes: tuple[T, ...]
    cursors: tuple[str, ...]
    has_next_page: bool

    @property
    def end_cursor(self) -> str | None:
        """The cursor to pass as `after` for the next page."""
        return self.cursors[-1] if self.cursors else None


def page_size(first: int) -> int:
    """`first`, if it is 1 to 1000; else InvalidInput."""
    if not 1 <= first <= MAX_PAGE:
        raise InvalidInput.field("first", f"must be between 1 and {MAX_PAGE}, found {first}")
    return first


def page_of(rows: Sequence[T], first: int, key: Callable[[T], tuple[object, ...]]) -> Page[T]:
    """The page made of `first` of the rows; a row more than asked for says that there is a next page."""
    nodes = tuple(rows[:first])
    return Page(nodes, tuple(encode_cursor(key(node)) for node in nodes), len(rows) > first)


def encode_cursor(key: tuple[object, ...]) -> str:
    """An opaque cursor for the sort key of a row."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str | None, *types: Any) -> tuple[Any, ...] | None:
    """The sort key behind a cursor, checked against the types this list sorts by; InvalidCursor for anything else."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key: tuple[Any, ...] = msgspec.json.decode(raw, type=tuple[types])  # type: ignore[valid-type]  # made here
    except (ValueError, binascii.Error, msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidCursor from error
    if any(isinstance(part, str) and "\0" in part for part in key):
        raise InvalidCursor
    return key


def decode_time_cursor(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    """The (created_at, id) behind the cursor of a list that is sorted by them; nothing for the first page."""
    key = decode_cursor(cursor, datetime, UUID)
    if key is None:
        return None, None
    if key[0].tzinfo is None:
        raise InvalidCursor
    return key[0], key[1]
