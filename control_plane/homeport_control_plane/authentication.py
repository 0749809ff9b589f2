"""Who a bearer token is: an API key or a run token, looked up by its id and only after its checksum held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane import keys
from homeport_control_plane.database import Queries, load_sql
from homeport_control_plane.errors import Unauthenticated
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

SQL = load_sql("authentication")


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a token.

    `kind` is admin, member, viewer, agent or run; for a run token `key_id` is its attempt's id in hex.
    """

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

    A revoked or expired key is refused; a run token is good until ten minutes after its attempt ended. Notes the use
    of a key at most once a minute.
    """
    presented = keys.parse(token)
    if presented.kind == "run":
        return await _run(db, presented, timings, now)
    return await _api_key(db, presented, timings, now)


async def _api_key(db: Queries, presented: keys.Token, timings: Timings, now: datetime | None) -> Principal:
    row = await db.fetchrow(SQL["api_key"], presented.id, now, timings.key_use_noted)
    if row is None or not keys.same(row["secret_hash"], presented.hash) or row["kind"] != presented.kind:
        raise Unauthenticated("this key is not known here", hint="check which server the key belongs to")
    if row["revoked"]:
        raise Unauthenticated(f"the key {row['name']!r} was revoked", hint="ask an admin for another key")
    if row["expired"]:
        raise Unauthenticated(f"the key {row['name']!r} has expired", hint="ask an admin for another key")
    return Principal(
        kind=row["kind"],
        tenant_id=row["tenant_id"],
        tenant_name=row["tenant_name"],
        tenant_created_at=row["tenant_created_at"],
        key_id=row["id"],
        key_name=row["name"],
        queues=tuple(row["queues"]),
        expires_at=row["expires_at"],
        attempt_id=None,
        flow_run_id=None,
    )


async def _run(db: Queries, presented: keys.Token, timings: Timings, now: datetime | None) -> Principal:
    row = await db.fetchrow(SQL["run_token"], UUID(presented.id), now, timings.run_token_after_end)
    if row is None or not keys.same(row["token_hash"], presented.hash):
        raise Unauthenticated("this run token is not known here")
    if row["expired"]:
        raise Unauthenticated("this run token has ended with its attempt")
    return Principal(
        kind="run",
        tenant_id=row["tenant_id"],
        tenant_name=row["tenant_name"],
        tenant_created_at=row["tenant_created_at"],
        key_id=presented.id,
        key_name="run token",
        queues=(),
        expires_at=None,
        attempt_id=row["attempt_id"],
        flow_run_id=row["flow_run_id"],
    )
