"""Artifacts: what a run shows to people beside its logs. A key gives them versions, so that a report has a history."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane import names, result_references
from homeport_control_plane.database import Database, Queries, Row, load_sql
from homeport_control_plane.documents import from_json, to_json
from homeport_control_plane.errors import InvalidInput, NotFound
from homeport_control_plane.ids import new_id
from homeport_control_plane.pages import Page, decode_time_cursor, page_of, page_size

SQL = load_sql("artifacts")
MAX_DATA_BYTES = 256 * 1024
KINDS = ("LINK", "MARKDOWN", "TABLE", "IMAGE")
# What the data of a kind must hold, and of which type it is; or "stored", where its bytes lie in the user's storage.
_NEEDED: dict[str, tuple[str, type]] = {
    "LINK": ("link", str),
    "MARKDOWN": ("markdown", str),
    "TABLE": ("table", list),
    "IMAGE": ("image_url", str),
}
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact of a flow run, or of one of its task runs; `version` counts those of its key from 1."""

    id: UUID
    flow_run_id: UUID
    task_run_id: UUID | None
    kind: str
    key: str | None
    version: int | None
    description: str | None
    data: Any
    created_at: datetime
    updated_at: datetime


async def create(
    db: Database,
    tenant_id: UUID,
    flow_run_id: UUID,
    *,
    kind: str,
    data: Any,
    task_run_id: UUID | None = None,
    key: str | None = None,
    description: str | None = None,
) -> Artifact:
    """The artifact, as the next version of its key. Raises NotFound (the run), InvalidInput (key, data, its size)."""
    document = _checked(kind, data)
    if key is not None and (not _KEY.fullmatch(key) or len(key) > names.MAX_NAME):
        raise InvalidInput.field(
            "key", f"must be lower-case letters, digits and single dashes, at most {names.MAX_NAME}; found {key[:80]!r}"
        )
    if description is not None:
        names.text("description", description)
    async with db.transaction() as session:
        if key is not None:
            await session.execute(SQL["lock_key"], tenant_id, key)
        row = await session.fetchrow(
            SQL["create"], tenant_id, new_id(), flow_run_id, task_run_id, kind, key, description, document
        )
    if row is None:
        raise NotFound("flow run", flow_run_id)
    return _artifact(row)


async def update(
    db: Queries, tenant_id: UUID, artifact_id: UUID, *, data: Any, kind: str, of_run: UUID | None
) -> Artifact:
    """The artifact with other data; with `of_run`, only one of that run is found. Raises NotFound, InvalidInput."""
    document = _checked(kind, data)
    row = await db.fetchrow(SQL["update"], tenant_id, artifact_id, of_run, document, kind)
    if row is None:
        raise NotFound("artifact", artifact_id, hint=f"it must be there, be a {kind}, and be of your own run")
    return _artifact(row)


async def delete(db: Queries, tenant_id: UUID, artifact_id: UUID, *, of_run: UUID | None) -> UUID:
    """Deletes the artifact; with `of_run`, only one of that run is found. Raises NotFound."""
    deleted: UUID | None = await db.fetchval(SQL["delete"], tenant_id, artifact_id, of_run)
    if deleted is None:
        raise NotFound("artifact", artifact_id)
    return deleted


async def get(db: Queries, tenant_id: UUID, artifact_id: UUID) -> Artifact | None:
    """The artifact of this id, if the tenant has it."""
    row = await db.fetchrow(SQL["get"], tenant_id, artifact_id)
    return None if row is None else _artifact(row)


async def page(
    db: Queries,
    tenant_id: UUID,
    *,
    first: int = 50,
    after: str | None = None,
    flow_run_id: UUID | None = None,
    key: str | None = None,
    kind: str | None = None,
    latest: bool = False,
) -> Page[Artifact]:
    """The artifacts, newest first: of a run, of a key, of a kind, or of each key only the latest."""
    size = page_size(first)
    wanted = (flow_run_id, names.filter_text("key", key), kind, latest)
    rows = await db.fetch(SQL["page"], tenant_id, *decode_time_cursor(after), *wanted, size + 1)
    return page_of([_artifact(row) for row in rows], size, lambda found: (found.created_at, found.id))


def _checked(kind: str, data: Any) -> str:
    if isinstance(data, dict) and data.get("stored") is not None:
        result_references.convert("data.stored", data["stored"])
        return to_json("data", data, limit=result_references.MAX_REFERENCE_BYTES)
    name, type_ = _NEEDED[kind]
    if not isinstance(data, dict) or not isinstance(data.get(name), type_):
        raise InvalidInput.field("data", f"of a {kind} must be an object with {name!r}, a {type_.__name__}")
    return to_json("data", data, limit=MAX_DATA_BYTES)


def _artifact(row: Row) -> Artifact:
    return Artifact(**{**row, "data": from_json(row["data"])})
