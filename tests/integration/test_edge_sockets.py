"""Subscriptions over real sockets: a run's states and lines as they come, and every way a socket ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus, NegotiationError

from tests.conftest import reachable
from tests.services.api import Api, socket, unacknowledged
from tests.services.control_plane import ControlPlane

AT = "2026-11-21T10:00:00Z"
LINES = "subscription($id: ID!, $after: String) { flowRunLogs(id: $id, after: $after) { cursor message seq } }"
STATES = "subscription($id: ID!) { flowRunChanged(id: $id) { state { type } } }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(reachable(tmp_path_factory.mktemp("sockets")) / "data")
    running.start()
    yield running
    assert "Traceback" not in running.log.read_text()
    running.stop()


@pytest.fixture(scope="module")
def admin(server: ControlPlane) -> Api:
    return Api(server.url, server.admin_key)


@dataclass
class StartedRun:
    """A run that was claimed and started, and its process's side of the API."""

    id: str
    attempt: str
    process: Api
    seq: int = 0

    def log(self, *messages: str) -> None:
        events = []
        for message in messages:
            self.seq += 1
            line = {"kind": "log", "level": "INFO", "logger": "test", "message": message, "task_run": None}
            events.append(line | {"seq": self.seq, "at": AT})
        assert self.process.report(self.attempt, events).data["reportEvents"]["acknowledgedSeq"] == self.seq


@pytest.fixture
def run(admin: Api) -> StartedRun:
    deployment = admin.deployment(queue=f"queue-{uuid4().hex[:8]}")
    queue = admin.ask("query($id: ID!) { deployment(id: $id) { queue } }", id=deployment["id"]).data["deployment"][
        "queue"
    ]
    agents = admin.with_key(admin.new_key("agent"))
    agent = agents.agent(f"agent-{uuid4().hex[:8]}", queues=[queue])
    run_id = admin.run(deployment["id"])
    claim = agents.claim(agent).data["claimFlowRuns"]["claims"][0]
    started = StartedRun(run_id, claim["attemptId"], admin.with_key(claim["runToken"]))
    assert started.process.start(started.attempt).data["startAttempt"]["__typename"] == "AttemptStarted"
    return started


async def test_a_run_is_watched_from_its_present_state_to_its_end(admin: Api, run: StartedRun) -> None:
    async with socket(admin) as opened:
        await opened.subscribe(STATES, id=run.id)
        first = await opened.receive()

        run.process.finish(run.attempt)
        rest = [await opened.receive(), await opened.receive()]

    assert first["payload"]["data"]["flowRunChanged"]["state"]["type"] == "RUNNING"
    assert rest[0]["payload"]["data"]["flowRunChanged"]["state"]["type"] == "COMPLETED"
    assert rest[1]["type"] == "complete"


async def test_lines_come_in_order_without_gap_or_duplicate_across_a_reconnect(admin: Api, run: StartedRun) -> None:
    seen: list[Any] = []
    run.log("1", "2", "3")
    async with socket(admin) as opened:
        await opened.subscribe(LINES, id=run.id)
        seen += (await opened.receive())["payload"]["data"]["flowRunLogs"]
        run.log("4")
        seen += (await opened.receive())["payload"]["data"]["flowRunLogs"]
    run.log("5", "6")

    async with socket(admin) as opened:
        await opened.subscribe(LINES, id=run.id, after=seen[-1]["cursor"])
        seen += (await opened.receive())["payload"]["data"]["flowRunLogs"]
        run.process.finish(run.attempt)
        assert (await opened.receive())["type"] == "complete"

    assert [line["message"] for line in seen] == ["1", "2", "3", "4", "5", "6"]


async def test_a_backlog_larger_than_a_message_comes_whole(admin: Api, run: StartedRun) -> None:
    seen: list[str] = []
    run.log(*(str(n) for n in range(1200)))
    run.process.finish(run.attempt)

    async with socket(admin) as opened:
        await opened.subscribe(LINES, id=run.id)
        while (message := await opened.receive())["type"] == "next":
            seen += [line["message"] for line in message["payload"]["data"]["flowRunLogs"]]

    assert seen == [str(n) for n in range(1200)]


async def test_agents_are_watched(admin: Api) -> None:
    agents = admin.with_key(admin.new_key("agent"))
    agents.agent("first")
    names: set[str] = set()

    async with socket(admin) as opened:
        await opened.subscribe("subscription { agentsChanged { name health } }")
        while "first" not in names:
            names.add((await opened.receive())["payload"]["data"]["agentsChanged"]["name"])
        agents.agent("second")
        while "second" not in names:
            names.add((await opened.receive())["payload"]["data"]["agentsChanged"]["name"])

    assert {"first", "second"} <= names


async def test_queries_are_answered_on_a_socket_too(admin: Api) -> None:
    async with socket(admin) as opened:
        await opened.subscribe("{ viewer { kind } }")

        answers = [await opened.receive(), await opened.receive()]

    assert answers[0]["payload"] == {"data": {"viewer": {"kind": "admin"}}}
    assert answers[1]["type"] == "complete"


async def test_what_cannot_be_watched_is_an_error_of_that_operation_alone(admin: Api, run: StartedRun) -> None:
    async with socket(admin) as opened:
        await opened.subscribe(STATES, id=str(uuid4()))
        unknown = await opened.receive()
        assert (await opened.receive())["type"] == "complete"
        await opened.subscribe("subscription { nonsense }")
        invalid = await opened.receive()
        await opened.subscribe(STATES, id=run.id)
        fine = await opened.receive()

    assert "no flow run" in unknown["payload"]["errors"][0]["message"]
    assert invalid["type"] == "error"
    assert fine["payload"]["data"]["flowRunChanged"]["state"]["type"] == "RUNNING"


async def test_a_socket_ends_when_its_key_is_revoked(admin: Api, run: StartedRun) -> None:
    viewer = admin.with_key(admin.new_key("viewer"))
    async with socket(viewer) as opened:
        await opened.subscribe(STATES, id=run.id)
        await opened.receive()

        admin.revoke(str(viewer.key))

        assert await opened.closed(within=10) == 4403
    assert viewer.ask("{ viewer { kind } }").status == 401


async def test_a_revoked_agents_held_poll_ends_at_once(admin: Api) -> None:
    import asyncio

    agents = admin.with_key(admin.new_key("agent"))
    agent = agents.agent("to be revoked", queues=["nothing-here"])
    poll = asyncio.create_task(asyncio.to_thread(agents.claim, agent, wait=20))
    await asyncio.to_thread(_until_seen, admin, "to be revoked")

    admin.revoke(str(agents.key))

    assert (await asyncio.wait_for(poll, 3)).status == 401


def _until_seen(admin: Api, name: str) -> None:
    from tests.services.waiting import eventually

    query = "query($n: String!) { agents(filter: {name: $n}) { nodes { lastSeenAt registeredAt } } }"

    def polled() -> bool:
        (agent,) = admin.ask(query, n=name).data["agents"]["nodes"]
        return bool(agent["lastSeenAt"] > agent["registeredAt"])

    eventually(polled, what="the agent polls")


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { kind } }"}}], 4401),
        ([{"type": "connection_init", "payload": {"authorization": "Bearer nonsense"}}], 4403),
        ([{"type": "connection_init"}], 4403),
        ([{"type": "connection_init", "payload": [1]}], 4403),
        ([5], 4400),
        ([{"type": 5}], 4400),
    ],
)
async def test_a_socket_that_does_not_introduce_itself_is_closed(
    server: ControlPlane, messages: list[object], code: int
) -> None:
    async with unacknowledged(server.url) as opened:
        for message in messages:
            await opened.send(message)

        assert await opened.closed() == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "connection_init"}, 4429),
        ({"type": "nonsense"}, 4400),
        ({"type": "subscribe", "id": "1", "payload": 5}, 4400),
        ([], 4400),
    ],
)
async def test_a_socket_that_breaks_the_protocol_is_closed(admin: Api, message: object, code: int) -> None:
    async with socket(admin) as opened:
        await opened.send(message)

        assert await opened.closed() == code


async def test_the_same_id_twice_closes_the_socket(admin: Api, run: StartedRun) -> None:
    subscribe = {"type": "subscribe", "id": "1", "payload": {"query": STATES, "variables": {"id": run.id}}}
    async with socket(admin) as opened:
        await opened.send(subscribe)
        await opened.receive()

        await opened.send(subscribe)

        assert await opened.closed() == 4409


async def test_a_page_from_elsewhere_cannot_open_a_socket(server: ControlPlane) -> None:
    with pytest.raises((InvalidStatus, NegotiationError)):
        async with unacknowledged(server.url, Origin="http://evil.example"):
            pass


async def test_a_page_from_here_can_open_a_socket(server: ControlPlane) -> None:
    async with unacknowledged(server.url, Origin=server.url) as opened:
        await opened.send({"type": "connection_init", "payload": {"authorization": f"Bearer {server.admin_key}"}})

        assert (await opened.receive())["type"] == "connection_ack"
