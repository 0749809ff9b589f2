"""Registering a flow: one call makes or updates flow, version and deployment, and nothing if nothing changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from homeport_control_plane import blocks, deployments, flows, names, schedules, work_queues
from homeport_control_plane.database import Database, Session, load_sql
from homeport_control_plane.deployments import Deployment
from homeport_control_plane.documents import to_json
from homeport_control_plane.errors import FieldProblem, InvalidInput, NotFound
from homeport_control_plane.flows import Flow, FlowVersion
from homeport_control_plane.ids import new_id
from homeport_control_plane.parameters import ParameterSchema

SQL = load_sql("registration")
ON_LOST = ("CRASH", "RETRY", "HOLD")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Registered:
    """What stands after a registration, and whether it changed anything."""

    flow: Flow
    flow_version: FlowVersion
    deployment: Deployment
    changed: bool


@dataclass(frozen=True, slots=True)
class _Description:
    """A version's columns, checked and as text."""

    description: str
    entrypoint: str
    parameter_schema: str
    graph: str | None
    storage: str
    content_digest: str
    sdk_version: str
    python_version: str
    envelope: str | None

    @property
    def digest(self) -> bytes:
        """SHA-256 of everything that makes a new version beside the code itself."""
        parts = (self.description, self.entrypoint, self.parameter_schema, self.graph, self.storage, self.envelope)
        return hashlib.sha256(repr(parts).encode()).digest()


async def register(
    db: Database,
    tenant_id: UUID,
    *,
    actor: str,
    project: str,
    name: str,
    entrypoint: str,
    parameter_schema: Any,
    storage: Any,
    content_digest: str,
    sdk_version: str,
    python_version: str,
    description: str = "",
    graph: Any = None,
    deployment: str = "default",
    parameters: Any = None,
    labels: Sequence[str] | None = None,
    queue: str = "default",
    run_config: Any = None,
    on_lost: str = "CRASH",
    envelope: Any = None,
    schedule: Any = None,
    schedule_active: bool = True,
    force: bool = False,
) -> Registered:
    """Flow, version and deployment as described.

    The same content and description as the latest version makes no new version unless `force`. Idempotent by nature,
    so a repeated call is safe. Raises NotFound (the project), InvalidInput.
    """
    names.name("name", name)
    names.name("deployment", deployment)
    schema = ParameterSchema(parameter_schema)
    if on_lost not in ON_LOST:
        raise InvalidInput.field("onLost", f"must be one of {', '.join(ON_LOST)}; found {on_lost!r}")
    stored = _object("storage", storage)
    block = _block_of(stored)
    described = _Description(
        names.text("description", description, limit=64 * 1024),
        names.name("entrypoint", entrypoint, limit=1000),
        to_json("parameterSchema", parameter_schema),
        None if graph is None else to_json("graph", graph, limit=4 * 1024 * 1024),
        to_json("storage", stored),
        _content_digest(content_digest),
        names.name("sdkVersion", sdk_version),
        names.name("pythonVersion", python_version),
        None if envelope is None else to_json("envelope", envelope),
    )
    default_parameters = to_json("parameters", _object("parameters", parameters))
    config = to_json("runConfig", _object("runConfig", run_config))
    wanted_labels = names.labels("labels", labels or ())
    wanted_schedule = None if schedule is None else _schedule(schedule, schema, _object("parameters", parameters))

    async with db.transaction() as session:
        flow_id = await _flow(session, tenant_id, project, name)
        block_id = None if block is None else await _use(session, tenant_id, block, stored)
        version_id, new = await _version(session, tenant_id, flow_id, described, block_id, actor=actor, force=force)
        queue_id = (await work_queues.ensure(session, tenant_id, [queue]))[queue]
        changed = await session.fetchval(
            SQL["deployment"],
            new_id(),
            tenant_id,
            flow_id,
            deployment,
            version_id,
            queue_id,
            default_parameters,
            wanted_labels,
            config,
            on_lost,
            wanted_schedule,
            schedule_active,
        )
        if changed is not None:
            await session.execute(SQL["take_back"], tenant_id, changed)
    return await _registered(db, tenant_id, flow_id, version_id, project, name, deployment, new or changed is not None)


async def _flow(session: Session, tenant_id: UUID, project: str, name: str) -> UUID:
    project_id = await session.fetchval(SQL["project"], tenant_id, names.filter_text("project", project))
    if project_id is None:
        raise NotFound("project", project, hint=f"make it: homeport create project {project!r}")
    flow_id: UUID = await session.fetchval(SQL["flow"], new_id(), tenant_id, project_id, name)
    return flow_id


async def _use(session: Session, tenant_id: UUID, block: str, storage: dict[str, Any]) -> UUID:
    """The id of the block that the storage names; of a secret only the block has the reference."""
    used = await blocks.use(session, tenant_id, block)
    kind = storage.get("kind")
    if kind != block.partition("/")[0]:
        raise InvalidInput.field("storage.kind", f"is {str(kind)[:50]!r}, and the block is {block!r}")
    for name in sorted(used.secret_fields & storage.keys()):
        raise InvalidInput.field(f"storage.{name}", f"is a secret of the block {block!r}, which alone says where it is")
    return used.id


async def _version(
    session: Session,
    tenant_id: UUID,
    flow_id: UUID,
    described: _Description,
    block_id: UUID | None,
    *,
    actor: str,
    force: bool,
) -> tuple[UUID, bool]:
    latest = await session.fetchrow(SQL["latest_version"], tenant_id, flow_id)
    unchanged = latest is not None and (latest["content_digest"], latest["description_digest"], latest["block_id"]) == (
        described.content_digest,
        described.digest,
        block_id,
    )
    if unchanged and not force:
        return latest["id"], False
    version_id: UUID = await session.fetchval(
        SQL["new_version"],
        new_id(),
        tenant_id,
        flow_id,
        described.description,
        described.entrypoint,
        described.parameter_schema,
        described.graph,
        described.storage,
        described.content_digest,
        described.digest,
        described.sdk_version,
        described.python_version,
        described.envelope,
        actor,
        block_id,
    )
    return version_id, True


async def _registered(
    db: Database,
    tenant_id: UUID,
    flow_id: UUID,
    version_id: UUID,
    project: str,
    name: str,
    deployment: str,
    changed: bool,
) -> Registered:
    flow = await flows.get(db, tenant_id, flow_id)
    version = (await flows.versions_by_id(db, tenant_id, [version_id])).get(version_id)
    made = await deployments.by_name(db, tenant_id, project, name, deployment)
    if flow is None or version is None or made is None:
        raise NotFound("project", project, hint="it was deleted while the flow was being registered")
    return Registered(flow, version, made, changed)


def _schedule(value: Any, schema: ParameterSchema, parameters: dict[str, Any]) -> str:
    """The schedule's text; its runs can be made, because each clock's parameters fit the flow."""
    schedule, text = schedules.checked(value)
    for index, clock in enumerate(schedule.clocks):
        names.labels(f"schedule.clocks[{index}].labels", clock.labels or ())
        try:
            schema.check({**parameters, **clock.parameters})
        except InvalidInput as error:
            raise InvalidInput(
                f"runs of schedule.clocks[{index}] could not be made: {error.message}",
                fields=[FieldProblem(f"schedule.clocks[{index}].{f.path}", f.message) for f in error.fields],
                hint="give the parameter a default, or a value in the clock's parameter_defaults",
            ) from error
    return text


def _object(path: str, value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise InvalidInput.field(path, "must be a JSON object")
    return value or {}


def _block_of(storage: dict[str, Any]) -> str | None:
    block = storage.get("block")
    if block is not None and not isinstance(block, str):
        raise InvalidInput.field("storage.block", 'must be a text: "type/name", such as "smb/test"')
    return block


def _content_digest(value: str) -> str:
    if not _DIGEST.fullmatch(value):
        raise InvalidInput.field("contentDigest", f"must be sha256: and 64 hex digits; found {value[:100]!r}")
    return value
