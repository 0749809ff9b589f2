"""What may be a name, a label or a text: nothing that a terminal would obey or a reader would misread."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from homeport_control_plane.errors import InvalidInput

MAX_NAME = 200
MAX_LABELS = 100
# Control characters and, among the format characters, those that reorder text (right-to-left override).
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def name(path: str, value: str, *, limit: int = MAX_NAME) -> str:
    """The name. Raises InvalidInput if it is empty, too long, padded, or has characters that cannot be seen."""
    if not value.strip():
        raise InvalidInput.field(path, "must not be empty")
    if value != value.strip():
        raise InvalidInput.field(path, f"{value[:50]!r} begins or ends with a space")
    if len(value) > limit:
        raise InvalidInput.field(path, f"{len(value):,} characters are more than the limit of {limit}")
    if not (value.isascii() and value.isprintable()) and any(unicodedata.category(c) in _REFUSED for c in value):
        raise InvalidInput.field(path, f"{value[:50]!r} has characters that cannot be seen")
    return value


def text(path: str, value: str, *, limit: int = 8192) -> str:
    """Free text of several lines. Raises InvalidInput if it is too long or the database cannot hold it."""
    if len(value) > limit:
        raise InvalidInput.field(path, f"{len(value):,} characters are more than the limit of {limit:,}")
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidInput.field(path, "has a NUL character or half of a surrogate pair")
    return value


def labels(path: str, values: Sequence[str]) -> list[str]:
    """The labels, sorted and each once. Raises InvalidInput."""
    if len(values) > MAX_LABELS:
        raise InvalidInput.field(path, f"{len(values)} are more than the limit of {MAX_LABELS}")
    return sorted({name(f"{path}[{index}]", value) for index, value in enumerate(values)})


def like(value: str) -> str:
    """A LIKE pattern for "contains this text": % and _ in it mean themselves."""
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def filter_text(path: str, value: str | None) -> str | None:
    """A filter's text, if the database can hold it; else InvalidInput. None stays None."""
    return None if value is None else text(path, value, limit=1000)
