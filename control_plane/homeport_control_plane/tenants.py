"""Tenants: the unit of isolation, and the one that a new installation starts with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Database, Queries


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
    raise NotImplementedError


async def get(db: Queries, tenant_id: UUID) -> Tenant:
    """The tenant. Raises NotFound."""
    raise NotImplementedError
