"""A result as it lies in storage: one line of JSON that describes it, then the serialized value.

    {"homeport_result":1,"serializer":"json","size":2,"sha256":"...","created":"2026-11-21T13:00:00Z",...}
    42

The storage takes a document whole or not at all, and the line says how many bytes follow and their digest, so that a
torn or changed one is never understood. A *plain* result has no such line: other programs, too, read the file that a
1.x `target` names. Then only the reference in the state knows the digest.
"""

from __future__ import annotations

import json
import pickle
import platform
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import IO, Any

from homeport.results.errors import (
    ResultDamaged,
    ResultMissing,
    ResultNotSerializable,
    ResultTooLarge,
    ResultUnreadable,
)
from homeport.results.spool import Spool
from homeport.results.storages import ResultStorage
from homeport.serializers import CompressedSerializer, Serializer, serializer_of

MAGIC = b'{"homeport_result":1,'
LONGEST_HEADER = 1024 * 1024


def write(
    storage: ResultStorage,
    key: str,
    value: Any,
    serializer: Serializer,
    *,
    of: str,
    limit: int,
    now: datetime,
    about: Mapping[str, Any] | None = None,
    plain: bool = False,
) -> dict[str, Any]:
    """Keep the value; its reference, which is small JSON without any of it.

    `of` names task or flow in messages, `limit` is a number of bytes (0: none), `about` is added to its line.
    Raises ResultNotSerializable and ResultTooLarge (nothing was written then), and StorageError.
    """
    with Spool(limit) as spool:
        _serialize(value, serializer, spool, of, limit)
        reference = _reference(storage, key, serializer, spool)
        header = b"" if plain else _header(reference, serializer, now, about or {})
        storage.blobs.write(key, _document(header, spool))
    return reference


def read(
    storage: ResultStorage, key: str, *, of: str, serializer: Serializer | str | None = None, sha256: str | None = None
) -> Any:
    """The value that is kept under the key.

    `serializer`, or its name, is needed for plain results, and an own one for what it wrote; else the describing line
    names it. `sha256`, where it is known, must be that of the bytes. Raises ResultMissing, ResultDamaged,
    ResultUnreadable and StorageError.
    """
    return measured(storage, key, of=of, serializer=serializer, sha256=sha256)[0]


def measured(
    storage: ResultStorage, key: str, *, of: str, serializer: Serializer | str | None = None, sha256: str | None = None
) -> tuple[Any, dict[str, Any]]:
    """The same, and the reference to it. Raises as `read`."""
    header, chunks = begin(storage, key, of=of)
    with Spool() as spool:
        for chunk in chunks:
            spool.write(chunk)
        found = (spool.size, spool.sha256)
        if header is not None and found != (header.get("size"), header.get("sha256")):
            raise ResultDamaged(
                f"{of}: its result in {storage.blobs.where} ({key}) is damaged: {header.get('size')} bytes with sha256 "
                f"{header.get('sha256')} were written, {found[0]} with {found[1]} are there. Run it "
                f"again to replace it."
            )
        if sha256 is not None and found[1] != sha256:
            raise ResultDamaged(
                f"{of}: what {storage.blobs.where} has under {key} is not the result that was written: expected sha256 "
                f"{sha256}, found {found[1]}. Another run wrote to the same key since, or somebody changed the file."
            )
        if not isinstance(serializer, Serializer):
            serializer = _named(header["serializer"] if header is not None else serializer, key, of)
        value = _understood(serializer, spool.rewound(), of=of, where=f"{storage.blobs.where} ({key})")
        return value, _reference(storage, key, serializer, spool)


def begin(storage: ResultStorage, key: str, *, of: str) -> tuple[dict[str, Any] | None, Iterator[bytes]]:
    """The describing line (None of a plain result) and the bytes that follow it; raises ResultMissing."""
    chunks = iter(storage.blobs.read(key))
    try:
        start = next(chunks, b"")
    except KeyError:
        raise ResultMissing(
            f"{of}: its result is not in {storage.blobs.where} any more ({key} is missing). Was it removed, or is "
            f"another storage mounted here? Run it again to have it back."
        ) from None
    if not start.startswith(MAGIC):
        return None, _then(start, chunks)
    while b"\n" not in start and len(start) < LONGEST_HEADER:
        more = next(chunks, b"")
        if not more:
            break
        start += more
    line, _, rest = start.partition(b"\n")
    try:
        header = json.loads(line)
    except ValueError:
        raise ResultDamaged(
            f"{of}: its result in {storage.blobs.where} ({key}) is damaged: its first line is no JSON."
        ) from None
    return header, _then(rest, chunks)


def serializer_name(serializer: Serializer) -> str:
    """What a reference calls it: its name, or its class where it has none."""
    own = type(serializer)
    return (serializer.name or f"{own.__module__}.{own.__qualname__}")[:100]


def _reference(storage: ResultStorage, key: str, serializer: Serializer, spool: Spool) -> dict[str, Any]:
    return {
        "kind": storage.kind,
        "key": key,
        "serializer": serializer_name(serializer),
        "size": spool.size,
        "sha256": spool.sha256,
        "storage": storage.reference,
    }


def _serialize(value: Any, serializer: Serializer, spool: Spool, of: str, limit: int) -> None:
    try:
        if isinstance(value, str | bytes | bytearray) and not isinstance(serializer, CompressedSerializer):
            spool.expect(len(value))  # a text would be copied before the first of it is written
        serializer.dump(value, spool)  # type: ignore[arg-type]
    except ResultTooLarge as error:
        raise ResultTooLarge(
            f"{of}: its result, serialized as {serializer_name(serializer)!r}, {error}; nothing was kept. Write it to "
            f"storage in the task and return where it is, raise HOMEPORT_RESULT_MAX_BYTES, or do not keep it: "
            f"persist_result=False."
        ) from None
    except Exception as error:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        mend = (
            "Return what can be pickled (the data instead of a connection, a list instead of a generator)"
            if serializer.name.endswith("pickle")
            else "Return such a value, or use result_serializer='pickle'"
        )
        raise ResultNotSerializable(
            f"{of}: its result of type {kind} cannot be kept by the serializer {serializer_name(serializer)!r}: "
            f"{error or type(error).__name__}. {mend}; or do not keep it: persist_result=False."
        ) from error


def _header(reference: Mapping[str, Any], serializer: Serializer, now: datetime, about: Mapping[str, Any]) -> bytes:
    described = {
        "homeport_result": 1,
        "serializer": reference["serializer"],
        "size": reference["size"],
        "sha256": reference["sha256"],
        "created": now.isoformat(timespec="microseconds"),
        "python": platform.python_version(),
        "libraries": serializer.libraries(),
        **about,
    }
    return json.dumps(described, separators=(",", ":")).encode() + b"\n"


def _document(header: bytes, spool: Spool) -> Iterator[bytes]:
    if header:
        yield header
    yield from spool.chunks()


def _named(name: str | None, key: str, of: str) -> Serializer:
    if name is None:
        raise ResultUnreadable(f"{of}: {key} does not say by which serializer it was written. Give serializer=.")
    try:
        return serializer_of(name)
    except TypeError as error:
        raise ResultUnreadable(
            f"{of}: {key} was written by the serializer {name!r}, which is not one of Homeport's or lacks its library "
            f"here ({error}) Give serializer=, an object of it."
        ) from error


def _understood(serializer: Serializer, source: IO[bytes], *, of: str, where: str) -> Any:
    try:
        return serializer.load(source)
    except (ImportError, AttributeError) as error:
        raise ResultUnreadable(
            f"{of}: its result in {where} needs code that is not here: {error}. Read it where the flow's modules can "
            f"be imported, or return plain data."
        ) from error
    except Exception as error:
        what = "another version of a library, most likely" if isinstance(error, pickle.UnpicklingError) else "see below"
        raise ResultUnreadable(
            f"{of}: its result in {where} has the right digest, and the serializer {serializer_name(serializer)!r} "
            f"cannot read it ({what}): {type(error).__name__}: {error}"
        ) from error


def _then(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest
