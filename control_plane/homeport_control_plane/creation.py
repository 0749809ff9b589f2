"""Creating flow runs: parameters fit the version's schema, and the same idempotency key makes the same run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import coolname

from homeport_control_plane import flow_runs, names, work_queues
from homeport_control_plane.database import Database, Queries, Row
from homeport_control_plane.documents import to_json
from homeport_control_plane.errors import Conflict, InvalidInput, NotFound
from homeport_control_plane.flow_runs import FlowRun
from homeport_control_plane.ids import new_id
from homeport_control_plane.run_templates import SQL, DeploymentRef, RunTemplate, forget, template
from homeport_control_plane.states import State, StateType

MAX_BATCH = 1000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class NewFlowRun:
    """What to run: a deployment by id, by flow id, or by project and flow name (deployment "default" unless named)."""

    deployment_id: UUID | None = None
    flow_id: UUID | None = None
    project: str | None = None
    flow: str | None = None
    deployment: str | None = None
    name: str | None = None
    parameters: dict[str, Any] | None = None
    labels: Sequence[str] | None = None
    scheduled_at: datetime | None = None
    idempotency_key: str | None = None
    direct: bool = False
    # Of the deployment, where the run is to be made of no other.
    revision: int | None = None
    # The run on whose behalf it is made: of its own project only. It is shown as the parent if `linked`.
    by_run: UUID | None = None
    by_task_run: UUID | None = None
    linked: bool = True

    @property
    def ref(self) -> DeploymentRef:
        """The deployment it names."""
        return DeploymentRef(self.deployment_id, self.flow_id, self.project, self.flow, self.deployment or "default")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A checked run, ready to be inserted."""

    id: UUID
    template: RunTemplate
    name: str
    parameters: dict[str, Any]
    document: str
    labels: list[str]
    scheduled_at: datetime | None
    idempotency_key: str | None
    digest: bytes | None
    direct: bool
    parent: tuple[UUID | None, UUID | None] = (None, None)


class _TemplateChanged(Exception):  # noqa: N818 - not an error: the caller looks again
    """A deployment changed between the check of the parameters and the insert."""


async def create(
    db: Database, tenant_id: UUID, new: NewFlowRun, *, actor: str, now: datetime | None = None
) -> tuple[FlowRun, bool]:
    """The run, and whether this call created it (false: the idempotency key had made it before, with the same body).

    Raises NotFound (the deployment), InvalidInput (parameters), Conflict (idempotency key used with another body).
    """
    for _ in range(_TRIES):
        run = await _prepare(db, tenant_id, new)
        try:
            rows = await _insert(db, tenant_id, [run], actor, now)
            if rows:
                _announce(db, tenant_id, [run], rows)
                return _as_created(run, rows[0], actor), True
            [present] = await _present_ids(db, tenant_id, [run], set())
        except _TemplateChanged:
            forget(db, tenant_id, new.ref)
            continue
        found = await flow_runs.get(db, tenant_id, present)
        if found is not None:
            return found, False
    raise Conflict("the deployment kept changing while the run was created", hint="try again")


async def create_many(
    db: Database, tenant_id: UUID, news: Sequence[NewFlowRun], *, actor: str, now: datetime | None = None
) -> list[UUID]:
    """The ids of the runs, in the order of the input; all of them or none. At most 1,000. Raises as `create`."""
    if len(news) > MAX_BATCH:
        raise InvalidInput.field("inputs", f"{len(news)} are more than the limit of {MAX_BATCH:,}")
    for _ in range(_TRIES):
        runs = [await _prepare(db, tenant_id, new) for new in news]
        try:
            async with db.transaction() as session:
                rows = await _insert(session, tenant_id, runs, actor, now)
                ids = await _present_ids(session, tenant_id, runs, {row["id"] for row in rows})
                _announce(session, tenant_id, runs, rows)
        except _TemplateChanged:
            for new in news:
                forget(db, tenant_id, new.ref)
            continue
        return ids
    raise Conflict("the deployments kept changing while the runs were created", hint="try again")


async def _prepare(db: Database, tenant_id: UUID, new: NewFlowRun) -> _Prepared:
    found = await template(db, tenant_id, new.ref)
    if new.revision not in (None, found.revision):
        forget(db, tenant_id, new.ref)
        found = await template(db, tenant_id, new.ref)
        if new.revision != found.revision:
            raise Conflict("the deployment has changed", hint="look at it again")
    if new.by_run is not None:
        await _check_project(db, tenant_id, new, found)
    if new.parameters is not None and not isinstance(new.parameters, dict):
        raise InvalidInput.field("parameters", "must be a JSON object")
    parameters = {**found.parameters, **(new.parameters or {})}
    document = to_json("parameters", parameters)
    found.schema.check(parameters)
    if new.scheduled_at is not None and new.scheduled_at.tzinfo is None:
        raise InvalidInput.field("scheduledAt", "needs a time zone", hint="write 2026-11-21T09:30:00Z")
    if new.idempotency_key is not None:
        names.name("idempotencyKey", new.idempotency_key)
    return _Prepared(
        id=new_id(),
        template=found,
        name=names.name("name", new.name) if new.name else coolname.generate_slug(2),
        parameters=parameters,
        document=document,
        labels=list(found.labels) if new.labels is None else names.labels("labels", new.labels),
        scheduled_at=new.scheduled_at,
        idempotency_key=new.idempotency_key,
        digest=None if new.idempotency_key is None else _body_digest(new),
        direct=new.direct,
        parent=(new.by_run, new.by_task_run) if new.linked else (None, None),
    )


async def _check_project(db: Queries, tenant_id: UUID, new: NewFlowRun, found: RunTemplate) -> None:
    """Raises NotFound for a deployment of another project than that of the run which wants to start it."""
    if new.direct:
        raise InvalidInput.field("direct", "a run may not start another one that no agent takes")
    if await db.fetchval(SQL["project_of_run"], tenant_id, new.by_run) != found.project_id:
        raise NotFound("deployment", new.ref, hint="a run starts flows of its own project only")


def _body_digest(new: NewFlowRun) -> bytes:
    # Of what the caller asked for, not of what it led to: a changed default makes no conflict.
    parameters = to_json("parameters", dict(sorted((new.parameters or {}).items())))
    labels = None if new.labels is None else sorted(new.labels)
    at = None if new.scheduled_at is None else new.scheduled_at.timestamp()
    return hashlib.sha256(repr((str(new.ref), new.name, parameters, labels, at, new.direct)).encode()).digest()


async def _insert(
    db: Queries, tenant_id: UUID, runs: Sequence[_Prepared], actor: str, now: datetime | None
) -> list[Row]:
    columns = (
        [run.id for run in runs],
        [run.template.deployment_id for run in runs],
        [run.template.revision for run in runs],
        [run.name for run in runs],
        [run.document for run in runs],
        ["\x1f".join(run.labels) for run in runs],
        [run.scheduled_at for run in runs],
        [run.idempotency_key for run in runs],
        [run.digest for run in runs],
        [run.direct for run in runs],
        [run.parent[0] for run in runs],
        [run.parent[1] for run in runs],
    )
    try:
        rows: list[Row] = await db.fetch(SQL["insert"], tenant_id, now, actor, *columns)
    except asyncpg.ForeignKeyViolationError as error:
        # The deployment was deleted while its run was being inserted.
        raise _TemplateChanged from error
    return rows


async def _present_ids(db: Queries, tenant_id: UUID, runs: Sequence[_Prepared], inserted: set[UUID]) -> list[UUID]:
    """Each run's id, or that of the run which its idempotency key had made before."""
    keys = [run.idempotency_key for run in runs if run.id not in inserted and run.idempotency_key is not None]
    rows = await db.fetch(SQL["by_idempotency_key"], tenant_id, keys) if keys else []
    present = {row["idempotency_key"]: row for row in rows}
    ids: list[UUID] = []
    for run in runs:
        before = present.get(run.idempotency_key)
        if run.id in inserted:
            ids.append(run.id)
        elif before is None:
            raise _TemplateChanged
        elif before["request_digest"] != run.digest:
            raise Conflict(
                f"the idempotency key {run.idempotency_key!r} made another run ({before['id']}) of another request",
                hint="use a new key for a new request",
            )
        else:
            ids.append(before["id"])
    return ids


def _announce(db: Queries, tenant_id: UUID, runs: Sequence[_Prepared], rows: Sequence[Row]) -> None:
    due = {row["id"] for row in rows if row["due"]}
    queues = {run.template.queue for run in runs if run.id in due and not run.direct}
    db.announce(*(work_queues.topic(tenant_id, queue) for queue in sorted(queues)))


def _as_created(run: _Prepared, row: Row, actor: str) -> FlowRun:
    state = State(1, StateType.SCHEDULED, "Scheduled", "", row["created_at"], actor, None, accepted=True)
    return FlowRun(
        id=run.id,
        name=run.name,
        project_id=run.template.project_id,
        project_name=run.template.project_name,
        flow_id=run.template.flow_id,
        flow_name=run.template.flow_name,
        flow_version_id=run.template.flow_version_id,
        deployment_id=run.template.deployment_id,
        deployment_name=run.template.deployment_name,
        parameters=run.parameters,
        labels=tuple(run.labels),
        queue=None if run.direct else run.template.queue,
        state=state,
        attempt_number=0,
        attempt_id=None,
        agent_id=None,
        on_lost=run.template.on_lost,
        cancel_requested_at=None,
        created_at=row["created_at"],
        created_by=actor,
        scheduled_at=row["scheduled_at"],
        started_at=None,
        finished_at=None,
        parent_flow_run_id=run.parent[0],
        parent_task_run_id=run.parent[1],
    )
