"""The GraphQL API as a stranger's program would use it: plain HTTP, plain JSON, no client of ours in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from websockets.asyncio.client import ClientConnection, connect

from homeport_control_plane import api_keys
from homeport_control_plane.database import Database
from homeport_control_plane.ids import new_id
from tests.services.control_plane import ControlPlane


# One for all: making a client (its TLS context) costs more than most requests.
@lru_cache
def _client(address: str | None) -> httpx.Client:
    return httpx.Client(transport=httpx.HTTPTransport(verify=False, local_address=address), timeout=40)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: httpx.Headers

    @property
    def data(self) -> Any:
        """The data of an answer without errors."""
        assert "errors" not in self.body, self.body
        return self.body["data"]

    @property
    def code(self) -> str | None:
        """The code of the first error."""
        errors = self.body.get("errors")
        return errors[0]["extensions"]["code"] if errors else None


@dataclass(frozen=True)
class Api:
    """One caller with one key."""

    url: str
    key: str | None
    address: str | None = None

    def with_key(self, key: str | None) -> Api:
        return replace(self, key=key)

    def calling_from(self, address: str) -> Api:
        """The same caller at another address of this machine: wrong keys are counted by address."""
        return replace(self, address=address)

    def ask(self, query: str, **variables: Any) -> Answer:
        return self.post(json.dumps({"query": query, "variables": variables}).encode())

    def post(self, body: Any, path: str = "/graphql", method: str = "POST", **headers: str) -> Answer:
        """Any bytes, with any headers over the usual ones."""
        sent = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = _client(self.address).request(method, self.url + path, content=body, headers=sent)
        return Answer(answer.status_code, answer.json(), answer.headers)

    def new_key(self, kind: str, **more: Any) -> str:
        """A fresh key of this kind, made by an admin."""
        made = self.ask(
            "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) {"
            " ... on ApiKeyCreated { key } ... on Error { message } } }",
            input={"name": f"a {kind}", "kind": kind.upper(), **more},
        )
        return str(made.data["createApiKey"]["key"])

    def revoke(self, key: str) -> None:
        self.ask("mutation($id: ID!) { revokeApiKey(input: {id: $id}) { __typename } }", id=key.split("_")[2]).data  # noqa: B018 - looks for errors

    def deployment(self, project: str | None = None, **more: Any) -> dict[str, Any]:
        """A registered flow's deployment, in a project of its own: {"id", "flow": {"id", "name"}, "project"}."""
        project = project or f"project-{uuid4().hex[:8]}"
        create = "mutation($p: String!) { createProject(input: {name: $p, skipIfExists: true}) { __typename } }"
        assert self.ask(create, p=project).data
        registered = self.ask(
            "mutation($input: RegisterFlowInput!) { registerFlow(input: $input) { __typename ... on FlowRegistered {"
            " flow { id name } flowVersion { id } deployment { id } } ... on Error { message } } }",
            input={
                "project": project,
                "name": "flow",
                "entrypoint": "flow.py:flow",
                "parameterSchema": {"type": "object", "properties": {"n": {"type": "integer"}}},
                "storage": {"kind": "folder", "path": "/somewhere"},
                "contentDigest": "sha256:" + "a" * 64,
                "sdkVersion": "0.1.0",
                "pythonVersion": "3.11",
                **more,
            },
        ).data["registerFlow"]
        assert registered["__typename"] == "FlowRegistered", registered
        return {**registered["deployment"], "flow": registered["flow"], "project": project}

    def run(self, deployment_id: str, **more: Any) -> str:
        """The id of a new run."""
        created = self.ask(
            "mutation($input: CreateFlowRunInput!) { createFlowRun(input: $input) {"
            " ... on FlowRunCreated { flowRun { id } } ... on Error { message } } }",
            input={"deploymentId": deployment_id, **more},
        )
        return str(created.data["createFlowRun"]["flowRun"]["id"])

    def agent(self, name: str = "an agent", **more: Any) -> dict[str, str]:
        """A registered agent, with an agent's key: {"agentId", "sessionId"}."""
        registered = self.ask(
            "mutation($input: RegisterAgentInput!) { registerAgent(input: $input) {"
            " ... on AgentRegistered { agentId sessionId } ... on Error { message } } }",
            input={"name": name, "kind": "local", "version": "0", "host": "here", "capacity": 10, **more},
        )
        return dict(registered.data["registerAgent"])

    def claim(self, agent: dict[str, str], limit: int = 10, wait: float = 0, **more: Any) -> Answer:
        return self.ask(CLAIM, input={**agent, "limit": limit, "liveAttempts": [], "waitSeconds": wait, **more})

    def finish(self, attempt_id: str, type: str = "COMPLETED") -> Answer:
        return self.ask(
            "mutation($a: ID!, $t: StateType!) { finishAttempt(input: {attemptId: $a, state: {type: $t}}) {"
            " __typename ... on AttemptFinished { accepted state { type } } ... on Error { message } } }",
            a=attempt_id,
            t=type,
        )

    def start(self, attempt_id: str, instance: str = "one") -> Answer:
        return self.ask(
            "mutation($a: ID!, $i: String!) { startAttempt(input: {attemptId: $a, instance: $i}) {"
            " __typename ... on Error { message } } }",
            a=attempt_id,
            i=instance,
        )

    def report(self, attempt_id: str, events: list[dict[str, Any]]) -> Answer:
        return self.ask(
            "mutation($a: ID!, $b: EventBatch!) { reportEvents(attemptId: $a, batch: $b) { __typename"
            " ... on EventsAcknowledged { acknowledgedSeq cancel } ... on Error { message } } }",
            a=attempt_id,
            b={"events": events},
        )


CLAIM = (
    "mutation($input: ClaimFlowRunsInput!) { claimFlowRuns(input: $input) { __typename"
    " ... on FlowRunsClaimed { claims commands { kind attemptId } }"
    " ... on Error { message } } }"
)


class Socket:
    """One graphql-transport-ws socket that was acknowledged."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._ids = 0

    async def subscribe(self, query: str, **variables: Any) -> str:
        self._ids += 1
        payload = {"query": query, "variables": variables}
        await self.send({"type": "subscribe", "id": str(self._ids), "payload": payload})
        return str(self._ids)

    async def send(self, message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self, within: float = 10) -> dict[str, Any]:
        return dict(json.loads(await asyncio.wait_for(self.connection.recv(), within)))

    async def closed(self, within: float = 10) -> int | None:
        """The close code, once it comes."""
        await asyncio.wait_for(self.connection.wait_closed(), within)
        return self.connection.close_code


@asynccontextmanager
async def unacknowledged(url: str, **headers: str) -> AsyncIterator[Socket]:
    """A socket before its connection_init."""
    address = url.replace("http", "ws", 1) + "/graphql"
    async with connect(address, subprotocols=["graphql-transport-ws"], additional_headers=headers) as connection:  # type: ignore[list-item]
        yield Socket(connection)


@asynccontextmanager
async def socket(api: Api) -> AsyncIterator[Socket]:
    """A socket that may subscribe."""
    async with unacknowledged(api.url) as opened:
        await opened.send({"type": "connection_init", "payload": {"authorization": f"Bearer {api.key}"}})
        assert (await opened.receive())["type"] == "connection_ack"
        yield opened


def database_url(server: ControlPlane) -> str:
    """The address of a server's embedded database, read from its data folder."""
    base = server.data_dir
    port = (base / "postgres" / "postmaster.pid").read_text().splitlines()[3]
    return f"postgresql://homeport:{(base / 'postgres.password').read_text()}@127.0.0.1:{port}/postgres"


def another_tenant(server: ControlPlane) -> str:
    """An admin key of a second tenant; the API itself never leaves one."""

    async def make() -> str:
        db = await Database.open(database_url(server), max_size=1)
        try:
            tenant = new_id()
            await db.execute("insert into tenant (id, name) values ($1, $2)", tenant, f"tenant-{tenant}")
            return (await api_keys.create(db, tenant, name="theirs", kind="admin", actor="test"))[1]
        finally:
            await db.close()

    return asyncio.run(make())


def expire(server: ControlPlane, key: str) -> None:
    """Puts a key's expiry into the past."""

    async def update() -> None:
        connection = await asyncpg.connect(database_url(server))
        await connection.execute(
            "update api_key set created_at = now() - interval '1 day', expires_at = now() where id = $1",
            key.split("_")[2],
        )
        await connection.close()

    asyncio.run(update())
