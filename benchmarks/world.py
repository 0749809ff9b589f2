"""The control plane under test, with one registered flow, as every benchmark needs it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import reachable
from tests.services.control_plane import ControlPlane
from tests.services.stack import Stack

from benchmarks.http_load import Load
from homeport.client.documents import document

# What agents and runs send is measured with their own documents; a creation as a script would write it.
CREATE = """mutation createFlowRun($input: CreateFlowRunInput!) {
  createFlowRun(input: $input) { __typename ... on FlowRunCreated { flowRun { id } } } }"""
CREATE_MANY = """mutation createFlowRuns($inputs: [CreateFlowRunInput!]!) {
  createFlowRuns(inputs: $inputs) { __typename ... on FlowRunsCreated { ids } } }"""
CLAIM, FINISH, REGISTER, REGISTER_AGENT, REPORT, START, PROJECT, LIST = map(
    document,
    (
        "claimFlowRuns", "finishAttempt", "registerFlow", "registerAgent",
        "reportEvents", "startAttempt", "createProject", "flowRuns",
    ),
)  # fmt: skip


@dataclass
class World:
    """A running control plane; `load` speaks to it."""

    server: ControlPlane
    folder: Path
    load: Load

    def stack(self) -> Stack:
        """A user with the admin key."""
        return Stack(self.folder / "user", self.server)

    async def deployment(self, name: str = "bench", queue: str = "bench") -> str:
        """A registered deployment without code behind it, for benchmarks that never start a process; its id."""
        connection = await self.load.connect()
        await self.load.call(connection, PROJECT, {"input": {"name": "Bench", "skipIfExists": True}})
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
        registration: dict[str, Any] = {
            "project": "Bench", "name": name, "entrypoint": "bench.py:bench", "parameterSchema": schema, "queue": queue,
            "storage": {"kind": "folder", "path": "/nowhere"}, "contentDigest": "sha256:" + "0" * 64,
            "sdkVersion": "0", "pythonVersion": "3.11",
        }  # fmt: skip
        data = await self.load.call(connection, REGISTER, {"input": registration})
        return str(data["registerFlow"]["deployment"]["id"])

    async def claimed(self, deployment: str, count: int, queue: str = "bench") -> list[dict[str, Any]]:
        """`count` runs created, claimed by one agent and started; their claims with run tokens."""
        connection = await self.load.connect()
        inputs = [{"deploymentId": deployment} for _ in range(count)]
        await self.load.call(connection, CREATE_MANY, {"inputs": inputs})
        agent = {"name": "bench", "kind": "local", "queues": [queue], "version": "0", "host": "bench", "capacity": 1000}
        registered = (await self.load.call(connection, REGISTER_AGENT, {"input": agent}))["registerAgent"]
        taken: list[dict[str, Any]] = []
        while len(taken) < count:
            ask = {
                "agentId": registered["agentId"],
                "sessionId": registered["sessionId"],
                "limit": 100,
                "liveAttempts": [],
            }
            taken += (await self.load.call(connection, CLAIM, {"input": ask}))["claimFlowRuns"]["claims"]
        for claim in taken:
            start = {"attemptId": claim["attemptId"], "instance": "bench"}
            await self.load.call(connection, START, {"input": start}, key=claim["runToken"])
        return taken


@contextmanager
def world() -> Iterator[World]:
    """Start a control plane on its embedded PostgreSQL in a temporary folder; stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as name:
        folder = reachable(Path(name))
        folder.chmod(0o711)
        server = ControlPlane(folder / "data")
        server.start()
        try:
            yield World(server, folder, Load(server.url, server.admin_key))
        finally:
            server.stop()
