"""Where a result lies in the customer's storage, as it travels with the state of a run: never the result itself."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from homeport_control_plane.errors import InvalidInput

MAX_REFERENCE_BYTES = 4096

Word = Annotated[str, Meta(min_length=1, max_length=100)]


class ResultReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Enough to find, check and read a result: the kind of storage, the key in it, how it was written, and its digest.

    `storage` says which storage of that kind (a bucket, a folder), where that is not the reader's own; never a secret.
    """

    kind: Word
    key: Annotated[str, Meta(min_length=1, max_length=1024)]
    serializer: Word
    size: Annotated[int, Meta(ge=0, le=2**53, description="Bytes, as stored.")]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="Of the bytes as stored.")]
    storage: dict[str, Any] | None = None


def convert(path: str, value: object) -> ResultReference:
    """The reference in a decoded JSON value. Raises InvalidInput naming the path of what is wrong."""
    try:
        reference = msgspec.convert(value, ResultReference, strict=True)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput.field(path, str(error)) from error
    check_size(path, reference)
    return reference


def check_size(path: str, reference: ResultReference) -> None:
    """Raises InvalidInput for a reference that is larger than any reference needs to be."""
    raw = msgspec.json.encode(reference)
    if len(raw) > MAX_REFERENCE_BYTES:
        raise InvalidInput.field(
            path,
            f"{len(raw):,} bytes are more than the limit of {MAX_REFERENCE_BYTES:,}",
            hint="send where the result lies; the result itself stays in your storage",
        )
    if b"\\u0000" in raw:
        raise InvalidInput.field(path, "a NUL character")


def to_json(reference: ResultReference) -> str:
    """The reference as text for a json column."""
    return msgspec.json.encode(reference).decode()
