"""Who a bearer token is: an API key or a run token, looked up by its hash and only after its checksum held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a token. `kind` is admin, member, viewer, agent or run; for a run token `key_id` is the attempt's hex id."""

    kind: str
    tenant_id: UUID
    tenant_name: str
    tenant_created_at: datetime
    key_id: str
    key_name: str
    queues: tuple[str, ...]
    expires_at: datetime | None
    attempt_id: UUID | None
    flow_run_id: UUID | None

    @property
    def actor(self) -> str:
        """How states and created_by columns name this principal: "key:laptop (0123456789ab)", or "run"."""
        return "run" if self.kind == "run" else f"key:{self.key_name} ({self.key_id})"


async def authenticate(
    db: Queries, token: str, *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None
) -> Principal:
    """The principal of a bearer token. Raises Unauthenticated; a wrong checksum is refused without the database.

    A revoked or expired key is refused; a run token is good until ten minutes after its attempt ended. Notes the use of a
    key at most once a minute.
    """
    raise NotImplementedError
