"""JSON documents on their way to and from a json column, and what is refused in them."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from homeport_control_plane.errors import InvalidInput

MAX_DOCUMENT_BYTES = 512 * 1024
_MAX_INTEGER = 2**63
_MAX_DEPTH = 100


def to_json(path: str, value: Any, *, limit: int = MAX_DOCUMENT_BYTES) -> str:
    """The document as text for a json column.

    Raises InvalidInput naming the path of what JSON or the database cannot hold.
    """
    _check(path, value, 0)
    try:
        raw = msgspec.json.encode(value)
    except (UnicodeEncodeError, msgspec.MsgspecError, TypeError, OverflowError) as error:
        raise InvalidInput.field(path, f"cannot be written as JSON: {error}") from error
    if len(raw) > limit:
        raise InvalidInput.field(
            path,
            f"{len(raw):,} bytes are more than the limit of {limit:,}",
            hint="store large data where the flow can read it, and pass a reference to it",
        )
    return raw.decode()


def from_json(text: str | None) -> Any:
    """The document of a json column; None for NULL."""
    return None if text is None else msgspec.json.decode(text)


def _check(path: str, value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise InvalidInput.field(path[:200], f"nested more than {_MAX_DEPTH} deep")
    if isinstance(value, str):
        _check_text(path, value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput.field(path, f"{value} is not a number that JSON can hold")
    elif isinstance(value, int):
        if abs(value) >= _MAX_INTEGER:
            raise InvalidInput.field(path, "an integer of more than 64 bits", hint="pass it as a string")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(path, str(key))
            _check(f"{path}.{key}", item, depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(f"{path}[{index}]", item, depth + 1)


def _check_text(path: str, text: str) -> None:
    if "\0" in text:
        raise InvalidInput.field(path, "a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput.field(path, "half of a surrogate pair, which is no character")
