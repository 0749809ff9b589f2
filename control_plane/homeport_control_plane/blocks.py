"""Blocks: named, typed configuration of storage and infrastructure, without a secret.

Of a secret a block has a reference (`env:SMB_PASSWORD`), which means something only on the customer's machines. The
references are a column of their own, so that nothing has to be guessed: a secret field among the other fields is
refused, and so is a text that is no reference, without repeating it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane import block_types, names
from homeport_control_plane.block_types import BlockType, TypeDescription
from homeport_control_plane.database import Database, Queries, Row, Session, load_sql
from homeport_control_plane.documents import from_json, to_json
from homeport_control_plane.errors import Conflict, FieldProblem, InvalidInput, NotFound
from homeport_control_plane.ids import new_id
from homeport_control_plane.json_schemas import JsonSchema
from homeport_control_plane.pages import Page, decode_cursor, page_of, page_size

SQL = load_sql("blocks")
MAX_FIELDS_BYTES = 64 * 1024
MAX_REFERENCE = 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REFERENCE = re.compile(r"(env|keyring|file|secret|aws|azure):\S.*")
_FORMS = "env:NAME, keyring:NAME, file:/path, secret:NAME, aws:NAME or azure:VAULT/NAME"
MOST_USERS = 50
_MOST_NAMED = 5
_NO_BLOCK = "`homeport block ls` shows what there is"


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it is now; `secrets` has a reference for each secret field that was given."""

    id: UUID
    block_type_id: UUID
    type: str
    name: str
    fields: dict[str, Any]
    secrets: dict[str, str]
    revision: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class UsedBlock:
    """A block that a flow version is being registered with."""

    id: UUID
    secret_fields: frozenset[str]


async def get(db: Queries, tenant_id: UUID, block_type: str, name: str) -> Block | None:
    """The block of this type and name."""
    names.filter_text("type", block_type)
    row = await db.fetchrow(SQL["get"], tenant_id, block_type, names.filter_text("name", name))
    return None if row is None else _block(row)


async def page(
    db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None, block_type: str | None = None
) -> Page[Block]:
    """The tenant's blocks by type and name."""
    size = page_size(first)
    last = decode_cursor(after, str, str) or (None, None)
    rows = await db.fetch(SQL["page"], tenant_id, *last, names.filter_text("type", block_type), size + 1)
    return page_of([_block(row) for row in rows], size, lambda found: (found.type, found.name))


async def users(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Of each block the ids of the deployments whose code lies in its storage, by project, flow, name; at most 50."""
    found: dict[UUID, list[UUID]] = {}
    for row in await db.fetch(SQL["users"], tenant_id, list(ids), MOST_USERS):
        found.setdefault(row["block_id"], []).append(row["id"])
    return found


async def create(
    db: Database,
    tenant_id: UUID,
    *,
    block_type: TypeDescription,
    name: str,
    fields: Any,
    secrets: Any,
    actor: str,
    overwrite: bool = False,
) -> Block:
    """Makes the block, and describes its type.

    A block that has exactly this content already is answered as if it were made now. Raises Conflict if the name has
    another content, unless `overwrite`; InvalidInput.
    """
    _name(name)
    async with db.transaction() as session:
        kind = await block_types.describe(session, tenant_id, block_type)
        content = _checked(kind, _object("fields", fields), _object("secrets", secrets))
        texts = _texts(*content)
        made = await session.fetchval(SQL["create"], tenant_id, new_id(), kind.id, name, *texts, actor)
        if made is None:
            found = await session.fetchrow(SQL["lock"], tenant_id, kind.id, name)
            if found is not None and (from_json(found["fields"]), from_json(found["secrets"])) != content:
                if not overwrite:
                    raise Conflict(
                        f"there is a block {kind.slug}/{name} already, with other fields",
                        hint="change it with `homeport block update`, or give --overwrite (overwrite: true)",
                    )
                await session.execute(SQL["update"], tenant_id, found["id"], *texts, actor)
        return await _standing(session, tenant_id, kind.slug, name)


async def update(
    db: Database, tenant_id: UUID, block_type: str, name: str, *, fields: Any = None, secrets: Any = None, actor: str
) -> Block:
    """Sets the fields and references that are given, and takes away those that are given as null; the others stay.

    Raises NotFound, InvalidInput.
    """
    names.filter_text("type", block_type)
    names.filter_text("name", name)
    async with db.transaction() as session:
        kind = await block_types.get(session, tenant_id, block_type)
        found = None if kind is None else await session.fetchrow(SQL["lock"], tenant_id, kind.id, name)
        if kind is None or found is None:
            raise NotFound("block", f"{block_type}/{name}", hint=_NO_BLOCK)
        known = (from_json(found["fields"]), from_json(found["secrets"]))
        content = _checked(
            kind, _patched(known[0], _object("fields", fields)), _patched(known[1], _object("secrets", secrets))
        )
        if content != known:
            await session.execute(SQL["update"], tenant_id, found["id"], *_texts(*content), actor)
        return await _standing(session, tenant_id, block_type, name)


async def delete(db: Database, tenant_id: UUID, block_type: str, name: str) -> None:
    """Deletes the block. Raises NotFound, and Conflict that names deployments whose code lies in its storage."""
    names.filter_text("type", block_type)
    names.filter_text("name", name)
    async with db.transaction() as session:
        kind = await block_types.get(session, tenant_id, block_type)
        found = None if kind is None else await session.fetchrow(SQL["lock"], tenant_id, kind.id, name)
        if found is None:
            raise NotFound("block", f"{block_type}/{name}", hint=_NO_BLOCK)
        if await session.fetchval(SQL["delete"], tenant_id, found["id"]) is None:
            used = await session.fetch(SQL["users"], tenant_id, [found["id"]], _MOST_NAMED + 1)
            named = [f"{row['project']}/{row['flow']}/{row['deployment']}" for row in used[:_MOST_NAMED]]
            more = " and others" if len(used) > _MOST_NAMED else ""
            raise Conflict(
                f"the code of {', '.join(named)}{more} lies in the storage of the block {block_type}/{name}",
                hint="register or apply them with another storage first, or delete their project",
            )


async def use(session: Session, tenant_id: UUID, reference: str) -> UsedBlock:
    """The block "type/name", kept from being deleted until the transaction ends. Raises NotFound, InvalidInput."""
    block_type, slash, name = names.name("storage.block", reference).partition("/")
    if not slash:
        raise InvalidInput.field("storage.block", 'must be "type/name", such as "smb/test"')
    row = await session.fetchrow(SQL["use"], tenant_id, block_type, names.text("storage.block", name))
    if row is None:
        raise NotFound("block", reference, hint=f"make it: homeport block create {reference}; {_NO_BLOCK}")
    return UsedBlock(row["id"], frozenset(row["secret_fields"]))


def _name(value: str) -> None:
    if not _NAME.fullmatch(value):
        shown = value[:50]
        raise InvalidInput.field(
            "name", f"{shown!r} is no block's name: letters, digits, '.', '_' and '-', at most 100"
        )


def _checked(kind: BlockType, fields: dict[str, Any], secrets: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The content of a block, if its type takes it. No message repeats a value: it may be a secret at a wrong place."""
    of_type = f"a block of type {kind.slug}"
    for field in fields.keys() & set(kind.secret_fields):
        raise InvalidInput.field(
            f"fields.{field}",
            f"is a secret of {of_type}, and only a reference to it may be kept here",
            hint=f"give it as a reference: --secret {field}=keyring:NAME (or {_FORMS})",
        )
    for field, reference in secrets.items():
        if field not in kind.secret_fields:
            known = ", ".join(kind.secret_fields) or "none"
            raise InvalidInput.field(f"secrets.{field[:100]}", f"is no secret of {of_type}; its secrets: {known}")
        if not isinstance(reference, str) or not _is_reference(reference):
            raise InvalidInput.field(
                f"secrets.{field}",
                f"is no reference to a secret: {_FORMS}, at most {MAX_REFERENCE:,} characters",
                hint=f"keep the secret where the flows run (keyring set homeport NAME), and give {field}=keyring:NAME",
            )
    schema = JsonSchema("type.schema", kind.schema, of="the fields", mask="the value")
    problems = [_placed(problem, secrets) for problem in schema.problems("fields", {**fields, **secrets})]
    if problems:
        raise InvalidInput(
            f"the fields do not fit {of_type}: {problems[0].path}: {problems[0].message}",
            fields=problems,
            hint=f"`homeport block type inspect {kind.slug}` shows what it takes",
        )
    return fields, secrets


def _is_reference(text: str) -> bool:
    return len(text) <= MAX_REFERENCE and text.isprintable() and _REFERENCE.fullmatch(text) is not None


def _placed(problem: FieldProblem, secrets: dict[str, str]) -> FieldProblem:
    field = problem.path.removeprefix("fields.")
    return FieldProblem(f"secrets.{field}", problem.message) if field in secrets else problem


def _patched(known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**known, **given}.items() if value is not None}


def _object(path: str, value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise InvalidInput.field(path, "must be a JSON object")
    return value or {}


def _texts(fields: dict[str, Any], secrets: dict[str, str]) -> tuple[str, str]:
    return to_json("fields", fields, limit=MAX_FIELDS_BYTES), to_json("secrets", secrets, limit=MAX_FIELDS_BYTES)


async def _standing(session: Session, tenant_id: UUID, block_type: str, name: str) -> Block:
    row = await session.fetchrow(SQL["get"], tenant_id, block_type, name)
    if row is None:  # deleted by somebody between the two statements
        raise NotFound("block", f"{block_type}/{name}", hint=_NO_BLOCK)
    return _block(row)


def _block(row: Row) -> Block:
    return Block(**{**row, "fields": from_json(row["fields"]), "secrets": from_json(row["secrets"])})
