"""Small JSON values that flows keep by key, for the whole tenant: the last write stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane import names
from homeport_control_plane.database import Queries, Row, load_sql
from homeport_control_plane.documents import from_json, to_json
from homeport_control_plane.errors import NotFound
from homeport_control_plane.pages import Page, decode_cursor, page_of, page_size

SQL = load_sql("key_values")
MAX_VALUE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A value, and who set it last."""

    key: str
    value: Any
    updated_at: datetime
    updated_by: str


async def get(db: Queries, tenant_id: UUID, key: str) -> KeyValue | None:
    """The value of this key, if it has one."""
    row = await db.fetchrow(SQL["get"], tenant_id, names.filter_text("key", key))
    return None if row is None else _key_value(row)


async def page(
    db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None, prefix: str | None = None
) -> Page[KeyValue]:
    """The tenant's values by key, those whose key begins with `prefix`."""
    size = page_size(first)
    last = decode_cursor(after, str) or (None,)
    begins = None if prefix is None else names.like(names.text("prefix", prefix, limit=1000)).removeprefix("%")
    rows = await db.fetch(SQL["page"], tenant_id, *last, begins, size + 1)
    return page_of([_key_value(row) for row in rows], size, lambda found: (found.key,))


async def put(db: Queries, tenant_id: UUID, key: str, value: Any, *, actor: str) -> KeyValue:
    """Sets the value; whatever the key held is gone. Raises InvalidInput for a value of more than 64 KiB."""
    text = to_json("value", value, limit=MAX_VALUE_BYTES)
    return _key_value(await db.fetchrow(SQL["set"], tenant_id, names.name("key", key), text, actor))


async def delete(db: Queries, tenant_id: UUID, key: str) -> str:
    """Deletes the value; the key. Raises NotFound."""
    deleted: str | None = await db.fetchval(SQL["delete"], tenant_id, names.filter_text("key", key))
    if deleted is None:
        raise NotFound("key", key)
    return deleted


def _key_value(row: Row) -> KeyValue:
    return KeyValue(row["key"], from_json(row["value"]), row["updated_at"], row["updated_by"])
