"""A small world on a real database: a tenant with a flow, agents that claim, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from homeport_control_plane import (
    agents,
    attempts,
    claims,
    creation,
    event_batch,
    events,
    flow_runs,
    projects,
    registration,
    tenants,
)
from homeport_control_plane.agents import Registration
from homeport_control_plane.authentication import authenticate
from homeport_control_plane.claims import Claim
from homeport_control_plane.creation import NewFlowRun
from homeport_control_plane.database import Database
from homeport_control_plane.event_batch import EventBatch
from homeport_control_plane.flow_runs import FlowRun

ACTOR = "key:tests (000000000000)"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
    "additionalProperties": False,
}


@dataclass
class World:
    """A tenant with the project "p"; every factory fills in what a test does not care about."""

    db: Database
    tenant_id: UUID
    key_id: str

    @classmethod
    async def create(cls, db: Database) -> World:
        """A fresh installation with one project."""
        admin = await authenticate(db, await tenants.bootstrap(db) or "")
        await projects.create(db, admin.tenant_id, name="p")
        return cls(db, admin.tenant_id, admin.key_id)

    async def register(self, flow: str = "f", *, digest: str = "a", **changes: Any) -> registration.Registered:
        """A registered flow with the deployment "default" (on the queue "default")."""
        given: dict[str, Any] = {
            "project": "p",
            "name": flow,
            "entrypoint": "flows/f.py:f",
            "parameter_schema": SCHEMA,
            "storage": {"kind": "folder", "path": "/srv/code"},
            "content_digest": "sha256:" + digest * 64,
            "sdk_version": "0.1.0",
            "python_version": "3.11.9",
            **changes,
        }
        return await registration.register(self.db, self.tenant_id, registration.Registration(**given), actor=ACTOR)

    async def run(self, flow: str = "f", *, now: datetime | None = None, **changes: Any) -> FlowRun:
        """A scheduled run of the flow's default deployment."""
        new = NewFlowRun(project="p", flow=flow, **changes)
        return (await creation.create(self.db, self.tenant_id, new, actor=ACTOR, now=now))[0]

    async def runs(self, count: int, flow: str = "f", **changes: Any) -> list[UUID]:
        """Many scheduled runs."""
        news = [NewFlowRun(project="p", flow=flow, **changes) for _ in range(count)]
        return await creation.create_many(self.db, self.tenant_id, news, actor=ACTOR)

    async def agent(self, name: str = "a", *, queues: Sequence[str] = (), labels: Sequence[str] = ()) -> Registration:
        """A registered agent."""
        return await agents.register(
            self.db,
            self.tenant_id,
            name=name,
            kind="local",
            version="0.1.0",
            host="h",
            capacity=10,
            queues=queues,
            labels=labels,
            key_id=self.key_id,
        )

    async def claim(self, agent: Registration, limit: int = 1, **changes: Any) -> list[Claim]:
        """What the agent gets now."""
        found = await claims.claim(self.db, self.tenant_id, agent.agent_id, agent.session_id, limit=limit, **changes)
        return list(found.claims)

    async def claimed(self, **changes: Any) -> Claim:
        """A run that an agent has claimed."""
        await self.run(**changes)
        [claim] = await self.claim(await self.agent(f"agent-{uuid4().hex[:6]}"))
        return claim

    async def started(self, *, instance: str = "i", **changes: Any) -> Claim:
        """A run whose process has started."""
        claim = await self.claimed(**changes)
        await self.start(claim, instance=instance)
        return claim

    async def start(self, claim: Claim, *, instance: str = "i", now: datetime | None = None) -> attempts.Started:
        """The commit point."""
        return await attempts.start(self.db, self.tenant_id, claim.attempt_id, instance=instance, now=now)

    async def finish(self, claim: Claim, type: str = "COMPLETED", **changes: Any) -> attempts.Finished:
        """The end as the run process tells it."""
        return await attempts.finish(self.db, self.tenant_id, claim.attempt_id, type=type, actor="run", **changes)

    async def report(self, claim: Claim, *told: dict[str, Any], now: datetime | None = None) -> events.Acknowledged:
        """A batch of events of the attempt."""
        return await events.report(self.db, self.tenant_id, claim.attempt_id, batch(*told), now=now)

    async def cancel(self, flow_run_id: UUID, *, now: datetime | None = None) -> FlowRun:
        """The run after it was asked to be cancelled."""
        return await flow_runs.cancel(self.db, self.tenant_id, flow_run_id, actor=ACTOR, now=now)

    async def get(self, flow_run_id: UUID) -> FlowRun:
        """The run as it is."""
        run = await flow_runs.get(self.db, self.tenant_id, flow_run_id)
        assert run is not None
        return run

    async def history(self, flow_run_id: UUID) -> list[str]:
        """The run's accepted state names, and refused ones in brackets."""
        states = (await flow_runs.states(self.db, self.tenant_id, [flow_run_id])).get(flow_run_id, [])
        return [state.name if state.accepted else f"({state.name})" for state in states]


def batch(*told: dict[str, Any]) -> EventBatch:
    """A batch of these events, each at this moment unless it says otherwise."""
    at = datetime.now(UTC).isoformat()
    return event_batch.convert({"events": [{"at": at, **event} for event in told]})


def task(seq: int, id: UUID, name: str = "t", **changes: Any) -> dict[str, Any]:
    """The event that a task run exists."""
    return {"kind": "task_run", "seq": seq, "id": str(id), "name": name, "task_key": name, **changes}


def state(seq: int, id: UUID, type: str, **changes: Any) -> dict[str, Any]:
    """The event that a task run entered a state."""
    return {"kind": "task_state", "seq": seq, "task_run": str(id), "type": type, "name": type.capitalize(), **changes}


def line(seq: int, message: str, **changes: Any) -> dict[str, Any]:
    """The event of a log line."""
    return {"kind": "log", "seq": seq, "level": "INFO", "logger": "flow", "message": message, **changes}


def later(seconds: float) -> datetime:
    """A moment after now, by the clock that the database shares with the test."""
    return datetime.now(UTC) + timedelta(seconds=seconds)
