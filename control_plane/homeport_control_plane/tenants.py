"""Tenants: the unit of isolation, and the one that a new installation starts with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane import api_keys
from homeport_control_plane.database import Database, Queries, load_sql
from homeport_control_plane.errors import NotFound
from homeport_control_plane.ids import new_id

SQL = load_sql("tenants")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant; everything else belongs to exactly one."""

    id: UUID
    name: str
    created_at: datetime


async def bootstrap(db: Database, *, name: str = "default") -> str | None:
    """On an empty database makes the first tenant and an admin key, and answers the key's text; else None.

    Two servers starting at once make one tenant, and one of them gets the key.
    """
    async with db.transaction() as session:
        tenant_id = await session.fetchval(SQL["bootstrap"], new_id(), name)
        if tenant_id is None:
            return None
        _, text = await api_keys.create(session, tenant_id, name="bootstrap", kind="admin", actor="server")
        return text


async def recovery_key(db: Database) -> str | None:
    """The text of a new admin key of the first tenant; None where there is no tenant."""
    async with db.transaction() as session:
        tenant_id = await session.fetchval(SQL["first"])
        if tenant_id is None:
            return None
        _, text = await api_keys.create(session, tenant_id, name="recovery", kind="admin", actor="operator")
        return text


async def get(db: Queries, tenant_id: UUID) -> Tenant:
    """The tenant. Raises NotFound."""
    row = await db.fetchrow(SQL["get"], tenant_id)
    if row is None:
        raise NotFound("tenant", tenant_id)
    return Tenant(**row)
