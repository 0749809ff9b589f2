"""How a result becomes bytes: JSON, pickle by cloudpickle, Parquet or Arrow for tables, each compressed if wanted.

A serializer is named by a text ("json", "compressed/pickle") or given as an object. Own ones subclass Serializer and
write `dumps` and `loads` (or, as in 1.x, `serialize` and `deserialize`).
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

from homeport.results.errors import ResultOptionError

PROTOCOL = 5
_AT_ONCE = 1 << 20
"""About how many bytes are written at a time."""


class Serializer:
    """Turns a value into bytes and back. `name` stands in the result's reference."""

    name = ""

    def dump(self, value: Any, into: IO[bytes]) -> None:
        """Write the value; raises whatever says that it cannot."""
        into.write(self.dumps(value))

    def load(self, source: IO[bytes]) -> Any:
        """Read a value."""
        return self.loads(source.read())

    def dumps(self, value: Any) -> bytes:
        """The value as bytes."""
        if type(self).serialize is Serializer.serialize:
            raise NotImplementedError(f"{type(self).__name__} has neither dumps() nor serialize().")
        return self.serialize(value)

    def loads(self, data: bytes) -> Any:
        """The value of these bytes."""
        if type(self).deserialize is Serializer.deserialize:
            raise NotImplementedError(f"{type(self).__name__} has neither loads() nor deserialize().")
        return self.deserialize(data)

    # The 1.x spellings.

    def serialize(self, value: Any) -> bytes:
        """The value as bytes."""
        return self.dumps(value)

    def deserialize(self, value: bytes) -> Any:
        """The value of these bytes."""
        return self.loads(value)

    def libraries(self) -> dict[str, str]:
        """The versions of what wrote it, for the header of a result."""
        return {}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class StreamSerializer(Serializer):
    """One that writes `dump` and `load` instead, so that a large value passes in pieces."""

    def dumps(self, value: Any) -> bytes:
        """The value as bytes."""
        into = io.BytesIO()
        self.dump(value, into)
        return into.getvalue()

    def loads(self, data: bytes) -> Any:
        """The value of these bytes."""
        return self.load(io.BytesIO(data))


class PickleSerializer(StreamSerializer):
    """Any Python object, by cloudpickle: lambdas and classes of the main program too. The default.

    Reading runs what was pickled: only read results of a storage that only you can write to.
    """

    name = "pickle"

    def dump(self, value: Any, into: IO[bytes]) -> None:
        """Pickle the value into the file, in pieces."""
        if type(value) in _PLAIN:  # nothing in these that only cloudpickle knows, and it costs ten times as much
            pickle.dump(value, into, protocol=PROTOCOL)
            return
        import cloudpickle

        cloudpickle.dump(value, into, protocol=PROTOCOL)

    def load(self, source: IO[bytes]) -> Any:
        """Unpickle."""
        return pickle.load(source)  # noqa: S301 - the customer's own storage, said in the docs

    def libraries(self) -> dict[str, str]:
        """The version of cloudpickle."""
        import cloudpickle

        return {"cloudpickle": cloudpickle.__version__}


class JSONSerializer(Serializer):
    """What JSON can say: texts, numbers, booleans, None, lists, and dicts with texts as keys. Tuples become lists."""

    name = "json"

    def dump(self, value: Any, into: IO[bytes]) -> None:
        """Write the value as UTF-8 JSON, a large one in pieces; raises TypeError for what JSON cannot say."""
        if _check_json(value, "the result") <= _AT_ONCE:
            into.write(_json(value))
            return
        for piece in _json_pieces(value):
            into.write(piece)

    def dumps(self, value: Any) -> bytes:
        """The value as UTF-8 JSON; raises TypeError, with the place in the value, for what JSON cannot say."""
        _check_json(value, "the result")
        return _json(value)

    def loads(self, data: bytes) -> Any:
        """The value."""
        return json.loads(data.decode("utf-8", "surrogatepass"))


class CompressedSerializer(StreamSerializer):
    """Another serializer's bytes, compressed by gzip, bz2, lzma or zlib; ResultOptionError for another library."""

    def __init__(self, serializer: str | Serializer = "pickle", compressionlib: str = "gzip", **unknown: Any) -> None:
        if unknown:
            raise ResultOptionError(
                f"CompressedSerializer takes serializer and compressionlib; it was given {', '.join(sorted(unknown))}."
            )
        if compressionlib not in _LIBRARIES:
            raise ResultOptionError(
                f"CompressedSerializer(compressionlib={compressionlib!r}): it can be {', '.join(_LIBRARIES)}."
            )
        self.serializer = serializer_of(serializer)
        self.compressionlib = compressionlib
        self.name = f"{compressionlib}/{self.serializer.name}"

    def dump(self, value: Any, into: IO[bytes]) -> None:
        """Compress while the value is written."""
        if self.compressionlib == "zlib":
            packed_by_zlib = _Deflated(into)
            self.serializer.dump(value, packed_by_zlib)  # type: ignore[arg-type]
            packed_by_zlib.end()
            return
        with _LIBRARIES[self.compressionlib](into, "wb") as packed:
            self.serializer.dump(value, packed)

    def load(self, source: IO[bytes]) -> Any:
        """Decompress while the value is read."""
        if self.compressionlib == "zlib":
            return self.serializer.loads(zlib.decompress(source.read()))
        with _LIBRARIES[self.compressionlib](source, "rb") as unpacked:
            return self.serializer.load(unpacked)

    def libraries(self) -> dict[str, str]:
        """Those of the serializer within."""
        return self.serializer.libraries()


class CompressedPickleSerializer(CompressedSerializer):
    """Compressed pickle."""

    def __init__(self, compressionlib: str = "gzip") -> None:
        super().__init__("pickle", compressionlib)


class CompressedJSONSerializer(CompressedSerializer):
    """Compressed JSON."""

    def __init__(self, compressionlib: str = "gzip") -> None:
        super().__init__("json", compressionlib)


def serializer_of(given: str | Serializer | type[Serializer]) -> Serializer:
    """The serializer of this name, or the given one; raises ResultOptionError that lists the names there are."""
    if isinstance(given, Serializer):
        return given
    if isinstance(given, type) and issubclass(given, Serializer):
        return given()
    if not isinstance(given, str):  # whatever a user gives
        raise ResultOptionError(
            f"A serializer is one of {_names()}, or an object of a subclass of homeport.serializers.Serializer; "
            f"it was given {given!r}."
        )
    compression, slash, inner = given.partition("/")
    if slash and compression in ("compressed", *_LIBRARIES):
        return CompressedSerializer(inner, "gzip" if compression == "compressed" else compression)
    make = _BY_NAME.get(given)
    if make is None:
        raise ResultOptionError(f"There is no serializer {given!r}. There are {_names()}.")
    return make()


def _check_json(value: Any, place: str) -> int:
    """About how many bytes of JSON the value has, at the least; raises TypeError for what JSON cannot say."""
    kind = type(value)
    if kind in _PLAIN:
        if kind is bytes:
            raise TypeError(f"{place} is of type bytes, which JSON cannot say")
        return len(value) if kind is str else 4
    size = 2
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(
                    f"{place} has the key {key!r} of type {type(key).__name__}, and JSON has only texts as keys"
                )
            size += len(key) + 4
            if type(item) is str:
                size += len(item)
            elif type(item) not in _SCALARS:
                size += _check_json(item, f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        size += 2 * len(value)
        for index, item in enumerate(value):
            if type(item) is str:
                size += len(item)
            elif type(item) not in _SCALARS:
                size += _check_json(item, f"{place}[{index}]")
    elif not isinstance(value, str | int | float):
        raise TypeError(f"{place} is of type {kind.__module__}.{kind.__qualname__}, which JSON cannot say")
    return size


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _json_pieces(value: Any) -> Iterator[bytes]:
    """The same bytes, a piece at a time: what has more than so many bytes is gone through here, item by item."""
    if isinstance(value, dict) and value:
        begin = b"{"
        for few in _batches(value.items()):
            if len(few) > 1 or _is_small(few[0][1]):
                yield begin + _json(dict(few))[1:-1]
            else:
                yield begin + _json(few[0][0]) + b":"
                yield from _json_pieces(few[0][1])
            begin = b","
        yield b"}"
    elif isinstance(value, list | tuple) and value:
        begin = b"["
        for few in _batches(value):
            if len(few) > 1 or _is_small(few[0]):
                yield begin + _json(few)[1:-1]
            else:
                yield begin
                yield from _json_pieces(few[0])
            begin = b","
        yield b"]"
    else:
        yield _json(value)


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """The items, as many together as are small; a large one alone. Of a dict, they are pairs of key and value."""
    few: list[Any] = []
    room = _AT_ONCE
    for item in items:
        size = _check_json(item, "the result")
        if few and size > room:
            yield few
            few, room = [], _AT_ONCE
        few.append(item)
        room -= size
    if few:
        yield few


def _is_small(value: Any) -> bool:
    return _check_json(value, "the result") <= _AT_ONCE


class _Deflated:
    """A file that compresses by zlib what is written to it."""

    def __init__(self, into: IO[bytes]) -> None:
        self._into, self._zlib = into, zlib.compressobj()

    def write(self, data: Any) -> int:
        view = pickle.PickleBuffer(data).raw()
        for begin in range(0, view.nbytes, _AT_ONCE):
            self._into.write(self._zlib.compress(view[begin : begin + _AT_ONCE]))
        return view.nbytes

    def end(self) -> None:
        self._into.write(self._zlib.flush())


def _parquet() -> Serializer:
    from homeport.results.tables import ParquetSerializer

    return ParquetSerializer()


def _arrow() -> Serializer:
    from homeport.results.tables import ArrowSerializer

    return ArrowSerializer()


def _names() -> str:
    return ", ".join(repr(name) for name in _BY_NAME) + ", and each behind 'compressed/' as in 'compressed/pickle'"


_SCALARS = frozenset({str, int, float, bool, type(None)})
_PLAIN = _SCALARS | {bytes}
_LIBRARIES: dict[str, Callable[..., Any]] = {
    # No time stamp in the file: the same value has the same digest.
    "gzip": lambda file, mode: gzip.GzipFile(fileobj=file, mode=mode, compresslevel=6, mtime=0),
    "bz2": bz2.BZ2File,
    "lzma": lzma.LZMAFile,
    "zlib": zlib.compress,
}
_BY_NAME: dict[str, Callable[[], Serializer]] = {
    "pickle": PickleSerializer,
    "json": JSONSerializer,
    "parquet": _parquet,
    "arrow": _arrow,
}
