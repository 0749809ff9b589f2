"""The batch of run events on the wire: strictly decoded structs, and the JSON Schema that is the contract of them."""

from __future__ import annotations

import msgspec


class EventBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events with strictly consecutive sequence numbers."""

    events: list[dict[str, object]]


def decode(raw: bytes) -> EventBatch:
    """The batch in these bytes of JSON. Raises InvalidInput that names the path of what is wrong."""
    raise NotImplementedError


def convert(value: object) -> EventBatch:
    """The batch in a JSON value that is decoded already (a GraphQL variable). Raises InvalidInput."""
    raise NotImplementedError


def json_schema() -> bytes:
    """The JSON Schema of a batch, as it is committed in event_batch.schema.json."""
    raise NotImplementedError
