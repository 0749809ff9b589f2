"""A result by its reference, from anywhere that reaches the storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homeport.results import documents
from homeport.results.errors import ResultUnreadable
from homeport.results.storages import open_reference
from homeport.serializers import Serializer, serializer_of


def read_result(reference: Mapping[str, Any], *, serializer: str | Serializer | None = None) -> Any:
    """The value that the reference in a state (`state.result_reference`) points to.

    `serializer` is only needed where an own one wrote it. Raises ResultMissing, ResultDamaged, ResultUnreadable, and
    StorageError when the storage cannot be reached from here. Reading a pickle runs it: read from your own storage.
    """
    missing = [name for name in ("kind", "key", "serializer", "sha256") if not isinstance(reference.get(name), str)]
    if missing:
        raise ResultUnreadable(f"This is no reference to a result: it lacks {', '.join(missing)}. Found: {reference!r}")
    storage = open_reference(reference.get("storage") or {"kind": reference["kind"]}, of="the result")
    return documents.read(
        storage,
        reference["key"],
        of="the result",
        serializer=serializer_of(serializer) if serializer is not None else reference["serializer"],
        sha256=reference["sha256"],
    )
