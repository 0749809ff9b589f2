"""The digest of any Python value: the same in each process, on each machine, for equal values.

What JSON can say exactly is hashed as canonical JSON, by the C encoder. Everything else is walked: containers by their
elements (sets and dicts in the order of their elements' digests, so neither insertion nor PYTHONHASHSEED matters),
dataclasses, pydantic models and enums by their type and fields, dates, paths and the like by their text, arrays by
their bytes. What is none of these is hashed as cloudpickle pickles it. Numbers are told apart by type: 1, 1.0 and True
are three values here, though Python calls them equal.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import hashlib
import json
import pathlib
import types
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

DEEPEST = 200


class Unhashable(TypeError):  # noqa: N818 - named for what was found
    """No digest can be made of the value; the message says of which part, and why."""


def digest(value: Any) -> str:
    """The SHA-256 of the value as 64 hex digits; raises Unhashable."""
    exact = _exact_json(value)
    if exact is not None:
        return hashlib.sha256(b"json\0" + exact).hexdigest()
    hasher = hashlib.sha256(b"walk\0")
    _feed(value, hasher.update, 0)
    return hasher.hexdigest()


def hash_objects(*args: Any, **kwargs: Any) -> str:
    """The digest of these values, for cache key functions of your own; raises Unhashable."""
    return digest([list(args), kwargs])


def _exact_json(value: Any) -> bytes | None:
    """The value as canonical JSON, if reading that gives the very same value."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return json.dumps(value).encode()
    if kind is not dict and kind is not list:
        return None
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
        same = json.loads(text) == value  # tuples, keys that are no texts, and subclasses that hide more are not
    except Exception:
        return None
    # Equality cannot tell a str-enum or a subclass of dict from the plain thing; such values are walked.
    return text.encode() if same and _plain(value) else None


def _plain(value: Any) -> bool:
    kind = type(value)
    if kind is list:
        return all(type(item) in _SCALARS or _plain(item) for item in value)
    if kind is dict:
        return all(type(key) is str for key in value) and all(
            type(item) in _SCALARS or _plain(item) for item in value.values()
        )
    return kind in _SCALARS


def _feed(value: Any, put: Callable[[bytes], object], depth: int) -> None:
    if depth > DEEPEST:
        raise Unhashable(f"it is nested more than {DEEPEST} deep, or contains itself")
    kind = type(value)
    text = _TEXTS.get(kind)
    if text is not None:
        _block(put, kind.__name__, text(value))
    elif kind in (list, tuple, deque):
        put(f"{kind.__name__}:{len(value)};".encode())
        for item in value:
            _feed(item, put, depth + 1)
    elif kind in (set, frozenset):
        _unordered(put, kind.__name__, (_sub(item, depth) for item in value))
    elif isinstance(value, dict):
        pairs = (_sub(key, depth) + _sub(item, depth) for key, item in value.items())
        _unordered(put, "dict" if kind is dict else _type(kind), pairs)
    elif isinstance(value, enum.Enum):
        _block(put, "enum", f"{_type(kind)}.{value.name}".encode())
    elif kind in (bytes, bytearray, memoryview):
        _block(put, "bytes", memoryview(value).cast("B") if kind is memoryview else value)
    elif isinstance(value, pathlib.PurePath):
        _block(put, "path", str(value).encode(errors="surrogateescape"))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        put(f"dataclass:{_type(kind)};".encode())
        for field in dataclasses.fields(value):
            _block(put, "field", field.name.encode())
            _feed(getattr(value, field.name), put, depth + 1)
    elif hasattr(kind, "__pydantic_fields__"):
        put(f"model:{_type(kind)};".encode())
        _feed(dict(value.__dict__), put, depth + 1)
        _feed(getattr(value, "__pydantic_extra__", None) or {}, put, depth + 1)
    elif kind.__module__ == "numpy" and kind.__name__ == "ndarray" and value.dtype.kind in "biufcSUmM":
        put(f"array:{value.dtype.str}:{value.shape};".encode())
        if value.size:
            put(memoryview(value.copy(order="C")).cast("B"))  # type: ignore[arg-type]
    else:
        _pickled(value, put)


def _pickled(value: Any, put: Callable[[bytes], object]) -> None:
    kind = type(value)
    if isinstance(value, types.GeneratorType | types.CoroutineType | types.AsyncGeneratorType):
        raise Unhashable(f"a {kind.__name__} has no value before it is used up")
    import cloudpickle

    put(f"pickle:{_type(kind)};".encode())
    try:
        # Protocol and order are fixed; the pickle goes to the hash in pieces, and is never held whole.
        cloudpickle.CloudPickler(_Writer(put), protocol=5).dump(value)
    except Exception as error:
        raise Unhashable(f"a value of type {_type(kind)} cannot be hashed ({error or type(error).__name__})") from error


class _Writer:
    """The file that a pickler writes to."""

    __slots__ = ("write",)

    def __init__(self, put: Callable[[bytes], object]) -> None:
        self.write = put


def _sub(value: Any, depth: int) -> bytes:
    hasher = hashlib.sha256()
    _feed(value, hasher.update, depth + 1)
    return hasher.digest()


def _unordered(put: Callable[[bytes], object], name: str, parts: Iterable[bytes]) -> None:
    ordered = sorted(parts)
    put(f"{name}:{len(ordered)};".encode())
    for part in ordered:
        put(part)


def _block(put: Callable[[bytes], object], name: str, data: bytes | bytearray | memoryview) -> None:
    put(f"{name}:{len(data)};".encode())
    put(data)  # type: ignore[arg-type]


def _type(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _repr(value: object) -> bytes:
    return repr(value).encode(errors="surrogatepass")


_SCALARS = frozenset({str, int, float, bool, type(None)})
_TEXTS: dict[type, Callable[[Any], bytes]] = {
    str: lambda value: value.encode(errors="surrogatepass"),
    int: _repr,
    float: _repr,
    complex: _repr,
    bool: _repr,
    type(None): _repr,
    type(...): _repr,
    datetime.date: _repr,
    datetime.timedelta: _repr,
    datetime.datetime: lambda value: f"{value.isoformat()}|{value.fold}|{value.tzinfo}".encode(),
    datetime.time: lambda value: f"{value.isoformat()}|{value.fold}|{value.tzinfo}".encode(),
    decimal.Decimal: _repr,
    fractions.Fraction: _repr,
    uuid.UUID: _repr,
    range: _repr,
    slice: _repr,
}
