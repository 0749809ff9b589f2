"""Agents and the queues they serve."""

from __future__ import annotations

from datetime import datetime

import strawberry

from homeport_control_plane import agents, work_queues
from homeport_control_plane.api.enums import AgentHealth


@strawberry.type(description="A registered puller of work.")
class Agent:
    id: strawberry.ID
    name: str
    kind: str
    labels: list[str]
    queues: list[str]
    version: str
    host: str
    capacity: int
    running: int
    health: AgentHealth
    last_seen_at: datetime
    registered_at: datetime
    draining: bool

    @classmethod
    def of(cls, agent: agents.Agent) -> Agent:
        return cls(
            id=strawberry.ID(str(agent.id)),
            name=agent.name,
            kind=agent.kind,
            labels=list(agent.labels),
            queues=list(agent.queues),
            version=agent.version,
            host=agent.host,
            capacity=agent.capacity,
            running=agent.running,
            health=AgentHealth.ONLINE if agent.online else AgentHealth.OFFLINE,
            last_seen_at=agent.last_seen_at,
            registered_at=agent.registered_at,
            draining=agent.draining,
        )


@strawberry.type(description="A named line that agents serve; the lower priority is served first.")
class WorkQueue:
    id: strawberry.ID
    name: str
    description: str
    paused: bool
    concurrency_limit: int | None
    priority: int
    held: int = strawberry.field(description="Runs that agents hold now.")
    scheduled: int = strawberry.field(description="Runs that wait.")
    created_at: datetime

    @classmethod
    def of(cls, queue: work_queues.WorkQueue) -> WorkQueue:
        return cls(
            id=strawberry.ID(str(queue.id)),
            name=queue.name,
            description=queue.description,
            paused=queue.paused,
            concurrency_limit=queue.concurrency_limit,
            priority=queue.priority,
            held=queue.held,
            scheduled=queue.scheduled,
            created_at=queue.created_at,
        )
