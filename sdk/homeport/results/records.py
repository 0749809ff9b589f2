"""A record: a small JSON document that says where a result is. Under a cache key, or for a retried run.

It is written after the result and replaced as a whole, so the last complete one wins, and it carries its own digest:
a record that is torn or changed is taken for none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from homeport.results.storages import ResultStorage

LARGEST = 16 * 1024 * 1024
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Record:
    """`cache_key` or identity, the reference to the result, when it was made and until when it holds (ISO 8601, UTC).

    `inputs` is the digest of the arguments; `seen` holds them themselves, pickled and in base64, for a validator of the
    user's own.
    """

    key: str
    result: dict[str, Any]
    created: str
    expires: str | None = None
    inputs: str | None = None
    seen: str | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires is not None and datetime.fromisoformat(self.expires) <= now


def write(storage: ResultStorage, at: str, record: Record) -> None:
    """Put the record in the place of the one that is there; raises StorageError."""
    body = _canonical(asdict(record))
    document = {"homeport_record": FORMAT, "sha256": hashlib.sha256(body).hexdigest(), "record": asdict(record)}
    storage.blobs.write(at, [_canonical(document)])


def read(storage: ResultStorage, at: str, *, key: str) -> Record | None:
    """The record of that key; None where there is none that can be believed. Raises StorageError."""
    try:
        found = _parsed(storage, at)
        body = found["record"]
        if found["homeport_record"] != FORMAT or hashlib.sha256(_canonical(body)).hexdigest() != found["sha256"]:
            return None
        record = Record(**body)
    except (ValueError, TypeError, KeyError):
        return None
    return record if record.key == key and isinstance(record.result, dict) else None


def _parsed(storage: ResultStorage, at: str) -> dict[str, Any]:
    data = b""
    for chunk in storage.blobs.read(at):
        data += chunk
        if len(data) > LARGEST:
            raise ValueError("too large for a record")
    found = json.loads(data)
    if not isinstance(found, dict):
        raise TypeError("no object")
    return found


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
