"""Registering flows: one call makes or updates flow, version and deployment, and nothing if nothing changed.

Several at once are registered in one transaction: all of them, or none.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
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
DEFAULT_PROJECT = "default"
"""Made by the first registration into it: people who never heard of projects need not."""
MOST_AT_ONCE = 500
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A flow and one of its deployments, as a client describes them; `schedule_active` None leaves it as it is."""

    project: str
    name: str
    entrypoint: str
    parameter_schema: Any
    storage: Any
    content_digest: str
    sdk_version: str
    python_version: str
    description: str = ""
    graph: Any = None
    deployment: str = "default"
    deployment_description: str = ""
    deployment_version: str | None = None
    tags: Sequence[str] | None = None
    parameters: Any = None
    labels: Sequence[str] | None = None
    queue: str = "default"
    run_config: Any = None
    on_lost: str = "CRASH"
    envelope: Any = None
    schedule: Any = None
    schedule_active: bool | None = True
    force: bool = False


@dataclass(frozen=True, slots=True)
class _Checked:
    """A registration whose every part can be stored, as text where a column is a document."""

    given: Registration
    described: _Description
    stored: dict[str, Any]
    block: str | None
    parameters: str
    labels: list[str]
    run_config: str
    schedule: str | None
    tags: list[str]

    @property
    def order(self) -> tuple[str, str, str]:
        """All take locks in this order, so that two registrations of the same flows wait instead of deadlocking."""
        return (self.given.project, self.given.name, self.given.deployment)


async def register(db: Database, tenant_id: UUID, given: Registration, *, actor: str) -> Registered:
    """Flow, version and deployment as described.

    The same content and description as the latest version, or as the deployment's own, makes no new version unless
    `force`. Idempotent by nature, so a repeated call is safe. Raises NotFound (the project), InvalidInput.
    """
    [registered] = await _register_all(db, tenant_id, [_checked(given)], actor=actor)
    return registered


async def register_many(
    db: Database, tenant_id: UUID, given: Sequence[Registration], *, actor: str, dry_run: bool = False
) -> list[Registered]:
    """What stands after all of them, in their order; all are registered, or none.

    With `dry_run` nothing is kept of it: the answer, and what it raises, is what registering them would have led to.
    Raises NotFound (a project, a block), and InvalidInput with the problems of every one, under `inputs[2].schedule`.
    """
    if len(given) > MOST_AT_ONCE:
        raise InvalidInput.field("inputs", f"{len(given)} are more than the limit of {MOST_AT_ONCE}")
    checked: list[_Checked] = []
    refused: list[tuple[int, InvalidInput]] = []
    for at, one in enumerate(given):
        if at % 10 == 9:
            await asyncio.sleep(0)  # schemas and schedules of hundreds take a while, and others are being answered
        try:
            checked.append(_checked(one))
        except InvalidInput as error:
            refused.append((at, error))
    if refused:
        raise _of_inputs(refused)
    _refuse_twins(checked)
    return await _register_all(db, tenant_id, checked, actor=actor, dry_run=dry_run)


def _refuse_twins(checked: Sequence[_Checked]) -> None:
    """One of two descriptions of a deployment would be overwritten by the other, and be answered all the same."""
    first: dict[tuple[str, str, str], int] = {}
    for at, one in enumerate(checked):
        other = first.setdefault(one.order, at)
        if other != at:
            raise InvalidInput.field(
                f"inputs[{at}].deployment",
                f"{one.given.deployment!r} of the flow {one.given.name!r} is described in inputs[{other}] already",
                hint="give each of them a name of its own",
            )


def _of_inputs(refused: Sequence[tuple[int, InvalidInput]]) -> InvalidInput:
    fields = [FieldProblem(f"inputs[{at}].{f.path}", f.message) for at, error in refused for f in error.fields]
    at, first = refused[0]
    return InvalidInput(f"inputs[{at}]: {first.message}", fields=fields, hint=first.hint)


class _DryRun(Exception):  # noqa: N818 - named for what it ends
    """Rolls back what a dry run did."""


async def _register_all(
    db: Database, tenant_id: UUID, checked: Sequence[_Checked], *, actor: str, dry_run: bool = False
) -> list[Registered]:
    made: dict[int, Registered] = {}
    with suppress(_DryRun):
        async with db.transaction() as session:
            queues = await work_queues.ensure(session, tenant_id, [one.given.queue for one in checked])
            for at, one in sorted(enumerate(checked), key=lambda pair: pair[1].order):
                try:
                    made[at] = await _register(session, tenant_id, one, queues[one.given.queue], actor=actor)
                except InvalidInput as error:
                    raise (_of_inputs([(at, error)]) if len(checked) > 1 else error) from error
            if dry_run:
                raise _DryRun
    return [made[at] for at in range(len(checked))]


def _checked(given: Registration) -> _Checked:
    names.name("name", given.name)
    names.name("deployment", given.deployment)
    names.name("queue", given.queue)
    names.text("deploymentDescription", given.deployment_description, limit=64 * 1024)
    if given.deployment_version is not None:
        names.name("deploymentVersion", given.deployment_version)
    schema = ParameterSchema(given.parameter_schema)
    if given.on_lost not in ON_LOST:
        raise InvalidInput.field("onLost", f"must be one of {', '.join(ON_LOST)}; found {given.on_lost!r}")
    stored, parameters = _object("storage", given.storage), _object("parameters", given.parameters)
    schema.check_given(parameters)
    return _Checked(
        given,
        _Description(
            names.text("description", given.description, limit=64 * 1024),
            names.name("entrypoint", given.entrypoint, limit=1000),
            to_json("parameterSchema", given.parameter_schema),
            None if given.graph is None else to_json("graph", given.graph, limit=4 * 1024 * 1024),
            to_json("storage", stored),
            _content_digest(given.content_digest),
            names.name("sdkVersion", given.sdk_version),
            names.name("pythonVersion", given.python_version),
            None if given.envelope is None else to_json("envelope", given.envelope),
        ),
        stored,
        _block_of(stored),
        to_json("parameters", parameters),
        names.labels("labels", given.labels or ()),
        to_json("runConfig", _object("runConfig", given.run_config)),
        None if given.schedule is None else fitting_schedule(given.schedule, schema, parameters),
        names.labels("tags", given.tags or ()),
    )


async def _register(session: Session, tenant_id: UUID, one: _Checked, queue_id: UUID, *, actor: str) -> Registered:
    given = one.given
    flow_id = await _flow(session, tenant_id, given.project, given.name)
    block_id = None if one.block is None else await _use(session, tenant_id, one.block, one.stored)
    version_id, new = await _version(session, tenant_id, flow_id, one, block_id, actor=actor)
    changed = await session.fetchval(
        SQL["deployment"],
        new_id(),
        tenant_id,
        flow_id,
        given.deployment,
        version_id,
        queue_id,
        one.parameters,
        one.labels,
        one.run_config,
        given.on_lost,
        one.schedule,
        given.schedule_active,
        given.deployment_description,
        given.deployment_version,
        one.tags,
    )
    if changed is not None:
        await session.execute(SQL["take_back"], tenant_id, changed)
    flow = await flows.get(session, tenant_id, flow_id)
    version = (await flows.versions_by_id(session, tenant_id, [version_id])).get(version_id)
    made = await deployments.by_name(session, tenant_id, given.project, given.name, given.deployment)
    assert flow is not None, "this transaction made or locked it"
    assert version is not None, "and its version"
    assert made is not None, "and its deployment"
    return Registered(flow, version, made, new or changed is not None)


async def _flow(session: Session, tenant_id: UUID, project: str, name: str) -> UUID:
    named = names.filter_text("project", project)
    project_id = await session.fetchval(SQL["project"], tenant_id, named)
    if project_id is None and project == DEFAULT_PROJECT:
        await session.execute(SQL["default_project"], new_id(), tenant_id, project)
        project_id = await session.fetchval(SQL["project"], tenant_id, named)
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
    session: Session, tenant_id: UUID, flow_id: UUID, one: _Checked, block_id: UUID | None, *, actor: str
) -> tuple[UUID, bool]:
    described = one.described
    wanted = (described.content_digest, described.digest, block_id)
    # The deployment's own comes first: two deployments of a flow may each keep a version of their own.
    for known in await session.fetch(SQL["known_versions"], tenant_id, flow_id, one.given.deployment):
        if (known["content_digest"], known["description_digest"], known["block_id"]) == wanted and not one.given.force:
            return known["id"], False
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


def fitting_schedule(value: Any, schema: ParameterSchema, parameters: dict[str, Any]) -> str:
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
