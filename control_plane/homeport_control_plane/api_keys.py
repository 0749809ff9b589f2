"""API keys as rows: create, list, revoke. The secret is answered once and only its hash is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from homeport_control_plane import keys, names
from homeport_control_plane.database import Queries, Row, load_sql
from homeport_control_plane.errors import InvalidCursor, InvalidInput, NotFound
from homeport_control_plane.pages import Page, decode_cursor, page_of, page_size

SQL = load_sql("api_keys")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret."""

    id: str
    name: str
    kind: str
    queues: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


async def create(
    db: Queries,
    tenant_id: UUID,
    *,
    name: str,
    kind: str,
    actor: str,
    expires_at: datetime | None = None,
    queues: Sequence[str] = (),
    now: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key of kind admin, member, viewer or agent, and its text to show once. Raises InvalidInput."""
    names.name("name", name)
    if kind not in keys.API_KEY_KINDS:
        raise InvalidInput.field("kind", f"must be one of {', '.join(keys.API_KEY_KINDS)}; found {kind!r}")
    if queues and kind != "agent":
        raise InvalidInput.field("queues", "only a key of kind agent can be bound to queues")
    if expires_at is not None and expires_at <= (now or datetime.now(UTC)):
        raise InvalidInput.field("expiresAt", f"{expires_at.isoformat()} is in the past")
    bound = names.labels("queues", queues)
    token = keys.new_key(kind)
    row = await db.fetchrow(SQL["create"], token.id, tenant_id, name, kind, token.hash, bound, actor, expires_at, now)
    return _api_key(row), token.text


async def revoke(db: Queries, tenant_id: UUID, key_id: str, *, now: datetime | None = None) -> ApiKey:
    """Revokes the key (again: no change) and announces `keys:<tenant>`. Raises NotFound."""
    row = await db.fetchrow(SQL["revoke"], tenant_id, key_id, now) if "\0" not in key_id else None
    if row is None:
        raise NotFound("API key", key_id, hint="`homeport auth list-keys` shows the ids")
    db.announce(f"keys:{tenant_id}")
    return _api_key(row)


async def page(db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None) -> Page[ApiKey]:
    """The tenant's keys, newest first."""
    size = page_size(first)
    key = decode_cursor(after, datetime, str) or (None, None)
    if key[0] is not None and key[0].tzinfo is None:
        raise InvalidCursor
    rows = await db.fetch(SQL["page"], tenant_id, *key, size + 1)
    return page_of([_api_key(row) for row in rows], size, lambda k: (k.created_at, k.id))


def _api_key(row: Row) -> ApiKey:
    return ApiKey(**{**row, "queues": tuple(row["queues"])})
