"""API keys as rows: create, list, revoke. The secret is answered once and only its hash is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.pages import Page


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
    raise NotImplementedError


async def revoke(db: Queries, tenant_id: UUID, key_id: str, *, now: datetime | None = None) -> ApiKey:
    """Revokes the key (again: no change) and announces `keys:<tenant>`. Raises NotFound."""
    raise NotImplementedError


async def page(db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None) -> Page[ApiKey]:
    """The tenant's keys, newest first."""
    raise NotImplementedError
