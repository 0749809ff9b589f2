"""What a resolver may use: who asks, the database, and loaders that fetch each kind of row once for a whole answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from homeport_control_plane import (
    agents,
    attempts,
    block_types,
    blocks,
    deployments,
    flow_runs,
    flows,
    pauses,
    projects,
    task_runs,
)
from homeport_control_plane.agents import Agent
from homeport_control_plane.authentication import Principal
from homeport_control_plane.block_types import BlockType
from homeport_control_plane.database import Database
from homeport_control_plane.deployments import Deployment
from homeport_control_plane.flows import Flow, FlowVersion
from homeport_control_plane.projects import Project
from homeport_control_plane.timings import Timings
from homeport_control_plane.wakeups import Wakeups

T = TypeVar("T")


@dataclass(frozen=True)
class Services:
    """What the process made at its start and every request shares."""

    db: Database
    wakeups: Wakeups
    timings: Timings


class Loaders:
    """One loader a kind of row, made when first used; each gathers the ids of one answer into one query."""

    def __init__(self, services: Services, tenant_id: UUID) -> None:
        self._services = services
        self._tenant_id = tenant_id

    @cached_property
    def projects(self) -> DataLoader[UUID, Project | None]:
        return self._by_id(projects.get_many)

    @cached_property
    def flows(self) -> DataLoader[UUID, Flow | None]:
        return self._by_id(flows.get_many)

    @cached_property
    def flow_versions(self) -> DataLoader[UUID, FlowVersion | None]:
        return self._by_id(flows.versions_by_id)

    @cached_property
    def deployments(self) -> DataLoader[UUID, Deployment | None]:
        return self._by_id(deployments.get_many)

    @cached_property
    def block_types(self) -> DataLoader[UUID, BlockType | None]:
        return self._by_id(block_types.by_id)

    @cached_property
    def block_users(self) -> DataLoader[UUID, list[UUID]]:
        return self._by_id(blocks.users, list)

    @cached_property
    def agents(self) -> DataLoader[UUID, Agent | None]:
        return self._by_id(partial(agents.get_many, timings=self._services.timings))

    @cached_property
    def flow_run_states(self) -> DataLoader[UUID, Any]:
        return self._by_id(flow_runs.states, list)

    @cached_property
    def task_run_states(self) -> DataLoader[UUID, Any]:
        return self._by_id(task_runs.states, list)

    @cached_property
    def attempts(self) -> DataLoader[UUID, Any]:
        return self._by_id(attempts.of_runs, list)

    @cached_property
    def pauses(self) -> DataLoader[UUID, Any]:
        return self._by_id(pauses.of_runs, list)

    @cached_property
    def task_run_counts(self) -> DataLoader[UUID, Any]:
        return self._by_id(task_runs.counts, dict)

    def _by_id(
        self,
        fetch: Callable[[Database, UUID, Sequence[UUID]], Awaitable[Mapping[UUID, Any]]],
        missing: Callable[[], Any] = lambda: None,
    ) -> DataLoader[UUID, Any]:
        async def load(ids: list[UUID]) -> list[Any]:
            found = await fetch(self._services.db, self._tenant_id, ids)
            return [found[id] if id in found else missing() for id in ids]

        return DataLoader(load_fn=load)


@dataclass
class Context:
    """One request: the holder of the key, what the process offers, and how long held work may go on."""

    principal: Principal
    services: Services
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.services, self.principal.tenant_id)

    @property
    def db(self) -> Database:
        return self.services.db

    @property
    def tenant_id(self) -> UUID:
        return self.principal.tenant_id

    @property
    def scope(self) -> tuple[Database, UUID]:
        """What every function of the domain takes first: the database, and the tenant whose rows it may touch."""
        return self.services.db, self.principal.tenant_id

    @property
    def timings(self) -> Timings:
        return self.services.timings


Info: TypeAlias = StrawberryInfo[Context, None]
