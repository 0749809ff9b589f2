"""Types of blocks: what the customer's side says a block is made of, kept as the JSON Schema that it sends along."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane import names
from homeport_control_plane.database import Queries, Row, Session, load_sql
from homeport_control_plane.documents import from_json, to_json
from homeport_control_plane.errors import InvalidInput
from homeport_control_plane.ids import new_id
from homeport_control_plane.json_schemas import JsonSchema
from homeport_control_plane.pages import Page, decode_cursor, page_of, page_size

SQL = load_sql("blocks")
MAX_SCHEMA_BYTES = 256 * 1024
MAX_SECRET_FIELDS = 100
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class BlockType:
    """A type as it was described last."""

    id: UUID
    slug: str
    title: str
    schema: Any
    secret_fields: tuple[str, ...]
    version: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TypeDescription:
    """A type as a client describes it; `version` is that of the package that has it."""

    slug: str
    title: str
    schema: Any
    secret_fields: Sequence[str]
    version: str


def slug(path: str, value: str) -> str:
    """The slug. Raises InvalidInput unless it has only what a command line takes without quotes."""
    if not _SLUG.fullmatch(value):
        raise InvalidInput.field(
            path, f"{value[:50]!r} is no type's name: lower-case letters, digits and '-' in between, at most 100"
        )
    return value


async def describe(session: Session, tenant_id: UUID, given: TypeDescription) -> BlockType:
    """The type that stands after this description, locked: an older version's description leaves it as it is.

    Raises InvalidInput.
    """
    slug("type.slug", given.slug)
    names.name("type.title", given.title)
    names.name("type.version", given.version, limit=100)
    if len(given.secret_fields) > MAX_SECRET_FIELDS:
        raise InvalidInput.field("type.secretFields", f"more than the limit of {MAX_SECRET_FIELDS}")
    secret = sorted({names.name("type.secretFields", field) for field in given.secret_fields})
    JsonSchema("type.schema", given.schema, of="the fields")
    schema = to_json("type.schema", given.schema, limit=MAX_SCHEMA_BYTES)
    new = (given.title, schema, secret, given.version)
    await session.execute(SQL["describe_type"], tenant_id, new_id(), given.slug, *new)
    row = await session.fetchrow(SQL["lock_type"], tenant_id, given.slug)
    known = (row["title"], row["schema"], list(row["secret_fields"]), row["version"])
    if new != known and _order(given.version) >= _order(row["version"]):
        row = await session.fetchrow(SQL["redescribe_type"], tenant_id, row["id"], *new)
    return _type(row)


async def get(db: Queries, tenant_id: UUID, type_slug: str) -> BlockType | None:
    """The type of this slug, if a block of it was ever made."""
    row = await db.fetchrow(SQL["type"], tenant_id, names.filter_text("type", type_slug))
    return None if row is None else _type(row)


async def by_id(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, BlockType]:
    """The types of these ids that exist in the tenant."""
    return {row["id"]: _type(row) for row in await db.fetch(SQL["types_by_id"], tenant_id, list(ids))}


async def page(db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None) -> Page[BlockType]:
    """The tenant's types by slug."""
    size = page_size(first)
    last = decode_cursor(after, str) or (None,)
    rows = await db.fetch(SQL["types"], tenant_id, *last, size + 1)
    return page_of([_type(row) for row in rows], size, lambda found: (found.slug,))


def _order(version: str) -> tuple[int, ...]:
    """Versions by their numbers, "0.10.1" after "0.9"; what follows the numbers ("rc1") does not count."""
    numbers = re.match(r"\d{1,9}(\.\d{1,9})*", version)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else ()


def _type(row: Row) -> BlockType:
    return BlockType(**{**row, "schema": from_json(row["schema"]), "secret_fields": tuple(row["secret_fields"])})
