"""What an agent asks of the control plane, with its own key."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

from homeport.client.async_client import AsyncClient
from homeport.client.outcomes import expect
from homeport.engine.masking import masked
from homeport_agent.options import KIND, AgentOptions

HELD_SECONDS = 25.0
MARGIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Session:
    """This process's registration, and the timings that the control plane wants."""

    agent_id: str
    session_id: str
    poll_seconds: float
    heartbeat_seconds: float
    offline_seconds: float
    cancel_grace_seconds: float
    max_batch_bytes: int
    log_flush_seconds: float


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt that is ours to start."""

    attempt_id: str
    attempt_number: int
    run_token: str
    lease_seconds: float
    flow_run_id: str
    flow_run_name: str
    flow_name: str
    project_name: str
    deployment_name: str
    entrypoint: str
    storage: dict[str, Any]
    content_digest: str
    parameters: dict[str, Any]
    run_config: dict[str, Any]
    labels: list[str]
    scheduled_at: str


@dataclass(frozen=True, slots=True)
class Command:
    """Something the control plane wants done: CANCEL, DRAIN or STOP_TRACKING."""

    kind: str
    attempt_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll brought."""

    claims: list[Claim]
    commands: list[Command]


class AgentClient:
    """The agent's operations; each raises the client's errors."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def register(self, options: AgentOptions, name: str) -> Session:
        """Register under a name; the same name again is the same agent with a new session."""
        given = {
            "name": name,
            "kind": KIND,
            "labels": list(options.labels),
            "queues": list(options.queues),
            "version": options.version,
            "host": socket.gethostname(),
            "capacity": options.capacity,
        }
        data = await self._client.execute("registerAgent", {"input": given})
        answer = expect(data["registerAgent"], "AgentRegistered")
        settings = answer["settings"]
        return Session(
            agent_id=answer["agentId"],
            session_id=answer["sessionId"],
            poll_seconds=settings["pollSeconds"],
            heartbeat_seconds=settings["heartbeatSeconds"],
            offline_seconds=settings["offlineSeconds"],
            cancel_grace_seconds=settings["cancelGraceSeconds"],
            max_batch_bytes=settings["maxBatchBytes"],
            log_flush_seconds=settings["logFlushSeconds"],
        )

    async def poll(
        self, session: Session, *, limit: int, live: list[str], draining: bool = False, wait: float | None = None
    ) -> Poll:
        """Ask for up to `limit` runs, telling which attempts live here; the answer may take `wait` seconds."""
        given = {
            "agentId": session.agent_id,
            "sessionId": session.session_id,
            "limit": limit,
            "liveAttempts": live,
            "draining": draining,
            "waitSeconds": wait,
        }
        held = session.poll_seconds if wait is None else wait
        timeout = max(held, HELD_SECONDS) + MARGIN_SECONDS
        data = await self._client.execute("claimFlowRuns", {"input": given}, timeout=timeout)
        answer = expect(data["claimFlowRuns"], "FlowRunsClaimed")
        return Poll([_claim(claim) for claim in answer["claims"]], [_command(told) for told in answer["commands"]])

    async def finish(self, attempt_id: str, final: dict[str, Any], *, retry_for: float) -> None:
        """Deliver the final state of an attempt whose process did not."""
        given = {"attemptId": attempt_id, "state": final}
        data = await self._client.execute("finishAttempt", {"input": given}, retry_for=retry_for)
        expect(data["finishAttempt"], "AttemptFinished")

    async def release(self, attempt_id: str, reason: str, *, crashed: bool, retry_for: float) -> None:
        """Give back an attempt that was not started; with `crashed`, its run ends CRASHED with the reason."""
        given = {"attemptId": attempt_id, "reason": masked(reason), "crashed": crashed}
        data = await self._client.execute("releaseAttempt", {"input": given}, retry_for=retry_for)
        expect(data["releaseAttempt"], "AttemptReleased")


def _claim(claim: dict[str, Any]) -> Claim:
    return Claim(
        attempt_id=claim["attemptId"],
        attempt_number=claim["attemptNumber"],
        run_token=claim["runToken"],
        lease_seconds=claim["leaseSeconds"],
        flow_run_id=claim["flowRunId"],
        flow_run_name=claim["flowRunName"],
        flow_name=claim["flowName"],
        project_name=claim["projectName"],
        deployment_name=claim["deploymentName"],
        entrypoint=claim["entrypoint"],
        storage=claim["storage"],
        content_digest=claim["contentDigest"],
        parameters=claim["parameters"] or {},
        run_config=claim["runConfig"] or {},
        labels=claim["labels"],
        scheduled_at=claim["scheduledAt"],
    )


def _command(command: dict[str, Any]) -> Command:
    return Command(command["kind"], command["attemptId"], command["reason"])
