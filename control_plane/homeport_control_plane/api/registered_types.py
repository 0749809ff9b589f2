"""What was registered: projects, flows, their versions, and deployments."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import strawberry

from homeport_control_plane import deployments, flows, projects
from homeport_control_plane.api.connections import Connection, connection_of
from homeport_control_plane.api.context import Info
from homeport_control_plane.api.enums import OnLost
from homeport_control_plane.api.scalars import JSON


@strawberry.type(description="A folder that flows are registered in.")
class Project:
    id: strawberry.ID
    name: str
    description: str
    created_at: datetime
    flow_count: int

    @classmethod
    def of(cls, project: projects.Project) -> Project:
        return cls(
            id=strawberry.ID(str(project.id)),
            name=project.name,
            description=project.description,
            created_at=project.created_at,
            flow_count=project.flow_count,
        )


@strawberry.type(
    description="One registered description of a flow: never its code, only where that lies and its digest."
)
class FlowVersion:
    id: strawberry.ID
    number: int
    description: str
    entrypoint: str
    parameter_schema: JSON
    graph: JSON | None
    storage: JSON
    block: str | None = strawberry.field(
        description='The block ("smb/test") whose storage the code lies in; each claim has its current fields.'
    )
    content_digest: str
    sdk_version: str
    python_version: str
    envelope: JSON | None
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, version: flows.FlowVersion) -> FlowVersion:
        return cls(
            id=strawberry.ID(str(version.id)),
            number=version.number,
            description=version.description,
            entrypoint=version.entrypoint,
            parameter_schema=version.parameter_schema,
            graph=version.graph,
            storage=version.storage,
            block=version.storage.get("block"),
            content_digest=version.content_digest,
            sdk_version=version.sdk_version,
            python_version=version.python_version,
            envelope=version.envelope,
            created_at=version.created_at,
            created_by=version.created_by,
        )


@strawberry.type
class Flow:
    id: strawberry.ID
    name: str
    created_at: datetime
    row: strawberry.Private[flows.Flow]

    @classmethod
    def of(cls, flow: flows.Flow) -> Flow:
        return cls(id=strawberry.ID(str(flow.id)), name=flow.name, created_at=flow.created_at, row=flow)

    @strawberry.field
    async def project(self, info: Info) -> Project:
        return await project_of(info, self.row.project_id)

    @strawberry.field
    async def latest_version(self, info: Info) -> FlowVersion:
        return await flow_version_of(info, self.row.latest_version_id)

    @strawberry.field
    async def versions(self, info: Info, first: int = 50, after: str | None = None) -> Connection[FlowVersion]:
        context = info.context
        page = await flows.versions(*context.scope, self.row.id, first=first, after=after)
        return connection_of(page, FlowVersion.of)


@strawberry.type(description="A runnable flow version with parameters, labels, queue and run config.")
class Deployment:
    id: strawberry.ID
    name: str
    parameters: JSON
    labels: list[str]
    queue: str
    run_config: JSON
    on_lost: OnLost
    paused: bool
    schedule: JSON | None = strawberry.field(description="Clocks, filters and adjustments, as they were registered.")
    schedule_active: bool
    description: str
    version: str | None = strawberry.field(description="A version that people gave it.")
    tags: list[str] = strawberry.field(description="For people to find it by; agents do not look at them.")
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = strawberry.field(description="Set where only the history of its runs is left.")
    row: strawberry.Private[deployments.Deployment]

    @classmethod
    def of(cls, deployment: deployments.Deployment) -> Deployment:
        return cls(
            id=strawberry.ID(str(deployment.id)),
            name=deployment.name,
            parameters=deployment.parameters,
            labels=list(deployment.labels),
            queue=deployment.queue,
            run_config=deployment.run_config,
            on_lost=OnLost(deployment.on_lost),
            paused=deployment.paused,
            schedule=deployment.schedule,
            schedule_active=deployment.schedule_active,
            description=deployment.description,
            version=deployment.version,
            tags=list(deployment.tags),
            created_at=deployment.created_at,
            updated_at=deployment.updated_at,
            deleted_at=deployment.deleted_at,
            row=deployment,
        )

    @strawberry.field
    async def flow(self, info: Info) -> Flow:
        return await flow_of(info, self.row.flow_id)

    @strawberry.field
    async def flow_version(self, info: Info) -> FlowVersion:
        return await flow_version_of(info, self.row.flow_version_id)

    @strawberry.field
    async def upcoming(self, info: Info, first: int = 3) -> list[datetime]:
        """The next times at which the schedule has a run due; at most 20, within a year."""
        return await asyncio.to_thread(deployments.upcoming, self.row, first, datetime.now(UTC))


# These rows are held by a foreign key of the row that names them, so a missing one is a fault of ours.


async def project_of(info: Info, id: UUID) -> Project:
    """The project of this id, loaded with its neighbours."""
    return Project.of(cast(projects.Project, await info.context.loaders.projects.load(id)))


async def flow_of(info: Info, id: UUID) -> Flow:
    """The flow of this id, loaded with its neighbours."""
    return Flow.of(cast(flows.Flow, await info.context.loaders.flows.load(id)))


async def flow_version_of(info: Info, id: UUID) -> FlowVersion:
    """The flow version of this id, loaded with its neighbours."""
    return FlowVersion.of(cast(flows.FlowVersion, await info.context.loaders.flow_versions.load(id)))


async def deployment_of(info: Info, id: UUID) -> Deployment:
    """The deployment of this id, loaded with its neighbours."""
    return Deployment.of(cast(deployments.Deployment, await info.context.loaders.deployments.load(id)))
