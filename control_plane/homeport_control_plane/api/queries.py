"""What can be read. Each field says who may and calls one function of the domain."""

from __future__ import annotations

import strawberry

from homeport_control_plane import (
    agents,
    api_keys,
    deployments,
    explain,
    flow_runs,
    flows,
    projects,
    task_runs,
    tenants,
    work_queues,
)
from homeport_control_plane.api.blocks import BlockQueries
from homeport_control_plane.api.connections import Connection, connection_of
from homeport_control_plane.api.context import Info
from homeport_control_plane.api.explanation_types import Explanation
from homeport_control_plane.api.filters import (
    AgentFilter,
    DeploymentFilter,
    FlowFilter,
    FlowRunFilter,
    ProjectFilter,
    flow_run_filter,
)
from homeport_control_plane.api.permissions import ADMINS, EVERYONE, READERS, RUNS, query
from homeport_control_plane.api.registered_types import Deployment, Flow, Project
from homeport_control_plane.api.run_types import FlowRun, TaskRun
from homeport_control_plane.api.scalars import uuid_or_none
from homeport_control_plane.api.tenancy_types import ApiKey, Tenant, Viewer
from homeport_control_plane.api.user_data import UserDataQueries
from homeport_control_plane.api.worker_types import Agent, WorkQueue


@strawberry.type
class Query(UserDataQueries, BlockQueries):
    @query(EVERYONE)
    async def viewer(self, info: Info) -> Viewer:
        """Whose key this is."""
        return Viewer.of(info.context.principal)

    @query(READERS)
    async def tenant(self, info: Info) -> Tenant:
        """The tenant that everything seen with this key belongs to."""
        return Tenant.of(await tenants.get(*info.context.scope))

    @query(ADMINS)
    async def api_keys(self, info: Info, first: int = 50, after: str | None = None) -> Connection[ApiKey]:
        """The keys, newest first."""
        page = await api_keys.page(*info.context.scope, first=first, after=after)
        return connection_of(page, ApiKey.of)

    @query(READERS)
    async def project(self, info: Info, name: str) -> Project | None:
        """The project of that name."""
        found = await projects.by_name(*info.context.scope, name)
        return Project.of(found) if found else None

    @query(READERS)
    async def projects(
        self, info: Info, first: int = 50, after: str | None = None, filter: ProjectFilter | None = None
    ) -> Connection[Project]:
        """The projects by name."""
        page = await projects.page(
            *info.context.scope,
            first=first,
            after=after,
            name_contains=filter.name_contains if filter else None,
        )
        return connection_of(page, Project.of)

    @query(READERS)
    async def flow(
        self, info: Info, id: strawberry.ID | None = None, project: str | None = None, name: str | None = None
    ) -> Flow | None:
        """The flow of this id, or of this project and name."""
        found = None
        if flow_id := uuid_or_none(id):
            found = await flows.get(*info.context.scope, flow_id)
        elif id is None and project is not None and name is not None:
            found = await flows.by_name(*info.context.scope, project, name)
        return Flow.of(found) if found else None

    @query(READERS)
    async def flows(
        self, info: Info, first: int = 50, after: str | None = None, filter: FlowFilter | None = None
    ) -> Connection[Flow]:
        """The flows by project and name."""
        where = filter or FlowFilter()
        page = await flows.page(
            *info.context.scope,
            first=first,
            after=after,
            project=where.project,
            name=where.name,
            name_contains=where.name_contains,
        )
        return connection_of(page, Flow.of)

    @query(READERS)
    async def deployment(
        self,
        info: Info,
        id: strawberry.ID | None = None,
        project: str | None = None,
        flow: str | None = None,
        name: str | None = None,
    ) -> Deployment | None:
        """The deployment of this id, or of this project, flow and name (`default` unless named)."""
        found = None
        if deployment_id := uuid_or_none(id):
            found = await deployments.get(*info.context.scope, deployment_id)
        elif id is None and project is not None and flow is not None:
            found = await deployments.by_name(*info.context.scope, project, flow, "default" if name is None else name)
        return Deployment.of(found) if found else None

    @query(READERS)
    async def deployments(
        self, info: Info, first: int = 50, after: str | None = None, filter: DeploymentFilter | None = None
    ) -> Connection[Deployment]:
        """The deployments, newest first."""
        where = filter or DeploymentFilter()
        page = await deployments.page(
            *info.context.scope,
            first=first,
            after=after,
            project=where.project,
            flow=where.flow,
            name=where.name,
            queue=where.queue,
        )
        return connection_of(page, Deployment.of)

    @query(READERS | RUNS)
    async def flow_run(self, info: Info, id: strawberry.ID) -> FlowRun | None:
        """The run of this id; with a run token, if it is of that run's project."""
        context, run_id = info.context, uuid_or_none(id)
        if run_id is None:
            return None
        if (own := context.principal.flow_run_id) is not None:
            found = await flow_runs.seen_by_run(*context.scope, run_id, by=own)
        else:
            found = await flow_runs.get(*context.scope, run_id)
        return FlowRun.of(found) if found else None

    @query(READERS)
    async def flow_runs(
        self, info: Info, first: int = 50, after: str | None = None, filter: FlowRunFilter | None = None
    ) -> Connection[FlowRun]:
        """The runs, newest first."""
        where = flow_run_filter(filter)
        page = await flow_runs.page(*info.context.scope, first=first, after=after, where=where)
        return connection_of(page, FlowRun.of)

    @query(READERS)
    async def task_run(self, info: Info, id: strawberry.ID) -> TaskRun | None:
        """The task run of this id."""
        run_id = uuid_or_none(id)
        found = await task_runs.get(*info.context.scope, run_id) if run_id else None
        return TaskRun.of(found) if found else None

    @query(READERS)
    async def agents(
        self, info: Info, first: int = 50, after: str | None = None, filter: AgentFilter | None = None
    ) -> Connection[Agent]:
        """The agents, the one registered last first."""
        where = filter or AgentFilter()
        page = await agents.page(
            *info.context.scope,
            first=first,
            after=after,
            name=where.name,
            kind=where.kind,
            queue=where.queue,
            timings=info.context.timings,
        )
        return connection_of(page, Agent.of)

    @query(READERS)
    async def work_queue(self, info: Info, name: str) -> WorkQueue | None:
        """The queue of that name."""
        found = await work_queues.by_name(*info.context.scope, name)
        return WorkQueue.of(found) if found else None

    @query(READERS)
    async def work_queues(self, info: Info, first: int = 50, after: str | None = None) -> Connection[WorkQueue]:
        """The queues by name."""
        page = await work_queues.page(*info.context.scope, first=first, after=after)
        return connection_of(page, WorkQueue.of)

    @query(READERS)
    async def explain_flow_run(self, info: Info, id: strawberry.ID) -> Explanation | None:
        """Why a run is where it is: ordered checks with what was seen and what to do."""
        context = info.context
        if (run_id := uuid_or_none(id)) is None:
            return None
        found = await explain.explain(*context.scope, run_id, timings=context.timings)
        return Explanation.of(found) if found else None
