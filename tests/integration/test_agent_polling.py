"""How an agent polls: told by a control plane that says exactly what each test wants, over real HTTP."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from homeport.client.async_client import AsyncClient
from homeport.client.errors import SessionSupersededError
from homeport_agent.agent import Agent
from homeport_agent.agent_client import AgentClient
from homeport_agent.attempt import Workshop
from homeport_agent.attempt_records import AttemptRecords
from homeport_agent.code_cache import CodeCache
from homeport_agent.options import AgentOptions
from tests.services.agents import until
from tests.services.fake_control_plane import FakeControlPlane


@pytest.fixture
def server() -> Iterator[FakeControlPlane]:
    with FakeControlPlane(poll_seconds=5.0) as running:
        yield running


class Running:
    """An agent inside this process's event loop."""

    def __init__(self, agent: Agent, task: "asyncio.Task[None]", folder: Path) -> None:
        self.agent, self.task, self.folder = agent, task, folder


@pytest.fixture
async def running(server: FakeControlPlane, tmp_path: Path) -> AsyncIterator[Running]:
    options = AgentOptions(api_url=server.url, api_key="key", home=tmp_path, name="a1", limit=2)
    async with AsyncClient(server.url, "key") as transport:
        client = AgentClient(transport)
        workshop = Workshop("a1", options, client, AttemptRecords(tmp_path / "agent"), CodeCache(tmp_path))
        agent = Agent(workshop, client)
        task = asyncio.create_task(agent.run())
        yield Running(agent, task, tmp_path)
        agent.stop_runs("the test is over")
        agent.drain("the test is over")
        server.away = True
        with contextlib.suppress(Exception, asyncio.CancelledError):
            task.cancel()
            await task


async def test_an_idle_agent_sleeps_in_held_polls(server: FakeControlPlane, running: Running) -> None:
    server.poll_seconds = 0.6
    began = time.monotonic()

    await until(lambda: len(server.polls) == 4, "the fourth poll")

    assert time.monotonic() - began > 2 * 0.6
    assert server.polls[0]["limit"] == 2
    assert server.polls[0]["liveAttempts"] == []


async def test_missing_code_ends_the_run_with_storage_path_digest_and_agent(
    server: FakeControlPlane, running: Running
) -> None:
    digest = "sha256:" + "0" * 64
    storage = {"kind": "folder", "path": str(running.folder / "storage")}
    (running.folder / "storage").mkdir()

    attempt_id = server.offer(storage=storage, contentDigest=digest)
    await until(lambda: server.attempts[attempt_id].released, "the attempt is given back")

    released = server.attempts[attempt_id].released
    assert released is not None
    assert released["crashed"] is True
    for part in (digest, storage["path"], "a1"):
        assert part in released["reason"]
    attempts = running.folder / "agent/attempts"
    await until(lambda: not list(attempts.iterdir()), "the attempt's folder is removed")


async def test_an_unknown_kind_of_storage_is_told_with_those_that_are_installed(
    server: FakeControlPlane, running: Running
) -> None:
    attempt_id = server.offer(storage={"kind": "punchcards"}, contentDigest="sha256:" + "0" * 64)
    await until(lambda: server.attempts[attempt_id].released, "the attempt is given back")

    released = server.attempts[attempt_id].released
    assert released is not None
    assert "punchcards" in released["reason"]
    assert "folder" in released["reason"]


async def test_a_command_said_again_does_not_make_the_agent_spin(server: FakeControlPlane, running: Running) -> None:
    await until(lambda: server.polls, "the first poll")
    for _ in range(20):
        server.command("CANCEL", "an-attempt-that-is-not-here")
        await asyncio.sleep(0.05)

    assert len(server.polls) <= 5


async def test_another_process_with_the_same_name_ends_this_one(server: FakeControlPlane, running: Running) -> None:
    await until(lambda: server.polls, "the first poll")

    server._registerAgent({})

    with pytest.raises(SessionSupersededError):
        await asyncio.wait_for(running.task, 10)


async def test_a_drain_command_ends_an_idle_agent(server: FakeControlPlane, running: Running) -> None:
    await until(lambda: server.polls, "the first poll")

    server.command("DRAIN")

    await asyncio.wait_for(running.task, 10)


async def test_health_is_bad_until_the_control_plane_was_heard(server: FakeControlPlane, running: Running) -> None:
    assert running.agent.health()[0] is False

    await until(lambda: server.polls, "the first poll")

    well, told = running.agent.health()
    assert well
    assert told["limit"] == 2
