"""Whoever waits is woken: by an announcement here, by another server, or by the slow look."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from homeport_control_plane import agents, claims, work_queues
from homeport_control_plane.database import Database
from homeport_control_plane.errors import SessionSuperseded
from homeport_control_plane.timings import Timings
from homeport_control_plane.wakeups import Wakeups
from tests.integration.db_world import World, later

QUICK = Timings(slow_scan=0.2)
UNLOOKED = Timings(slow_scan=60.0)
"""Nobody looks by himself in the time of a test: what comes, comes by a wake-up."""


@pytest.fixture
async def wakeups(db: Database, database_url: str) -> AsyncIterator[Wakeups]:
    """The wake-ups of the server that the test's pool belongs to."""
    made = Wakeups(database_url, timings=UNLOOKED)
    await made.start()
    db.on_announce = made.announce
    yield made
    await made.stop()


async def _held(world: World, wakeups: Wakeups, agent: agents.Registration, **changes: object) -> claims.Claimed:
    given = {"limit": 1, "wait_seconds": 20.0, **changes}
    return await claims.claim_held(
        world.db,
        wakeups,
        world.tenant_id,
        agent.agent_id,
        agent.session_id,
        **given,  # type: ignore[arg-type]
    )


async def test_a_held_poll_is_answered_as_soon_as_a_run_is_created(world: World, wakeups: Wakeups) -> None:
    poll = asyncio.create_task(_held(world, wakeups, await world.agent()))
    await _until_waiting(wakeups, 1)
    started = time.monotonic()

    run = await world.run()

    [claim] = (await poll).claims
    assert claim.flow_run_id == run.id
    assert time.monotonic() - started < 10


async def test_a_held_poll_at_one_server_hears_of_a_run_created_at_another(
    world: World, wakeups: Wakeups, database_url: str
) -> None:
    other = Wakeups(database_url, timings=UNLOOKED)
    await other.start()
    poll = asyncio.create_task(_held(world, other, await world.agent()))
    await _until_waiting(other, 1)
    started = time.monotonic()

    await world.run()

    assert len((await poll).claims) == 1
    assert time.monotonic() - started < 10
    await other.stop()


async def test_one_run_wakes_one_of_many_idle_agents(world: World, wakeups: Wakeups) -> None:
    idle = [await world.agent(f"a{number}") for number in range(20)]
    polls = [asyncio.create_task(_held(world, wakeups, agent)) for agent in idle]
    await _until_waiting(wakeups, 20)
    looks: list[str] = []
    original = world.db.fetch

    async def counted(query: str, *args: object) -> list[object]:
        looks.extend([query] if query == claims.SQL["claim"] else [])
        return await original(query, *args)

    world.db.fetch = counted  # type: ignore[method-assign]

    await world.run()

    done, pending = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    assert [len(poll.result().claims) for poll in done] == [1]
    assert len(looks) <= 2
    await wakeups.stop()
    assert not any(answer.claims for answer in await asyncio.gather(*pending))


async def test_a_run_that_the_first_agent_cannot_take_reaches_the_one_that_can(world: World, wakeups: Wakeups) -> None:
    plain = [asyncio.create_task(_held(world, wakeups, await world.agent(f"a{n}"))) for n in range(5)]
    await _until_waiting(wakeups, 5)
    gpu = asyncio.create_task(_held(world, wakeups, await world.agent("gpu", labels=["gpu"])))
    await _until_waiting(wakeups, 6)
    started = time.monotonic()

    run = await world.run(labels=["gpu"])

    assert [claim.flow_run_id for claim in (await gpu).claims] == [run.id]
    assert time.monotonic() - started < 10
    await wakeups.stop()
    await asyncio.gather(*plain)


async def test_a_cancel_reaches_the_held_poll_of_the_agent_that_runs_it(world: World, wakeups: Wakeups) -> None:
    agent = await world.agent()
    run = await world.run()
    [claim] = await world.claim(agent)
    await world.start(claim)
    poll = asyncio.create_task(_held(world, wakeups, agent, limit=0, live_attempts=[claim.attempt_id]))
    await _until_waiting(wakeups, 1)

    await world.cancel(run.id)

    [command] = (await poll).commands
    assert (command.kind, command.attempt_id) == ("CANCEL", claim.attempt_id)


async def test_a_run_in_the_near_future_is_claimed_when_it_is_due_without_being_announced(
    world: World, database_url: str
) -> None:
    quick = Wakeups(database_url, timings=QUICK)
    await quick.start()
    due = later(0.5)
    await world.run(scheduled_at=due)

    answer = await _held(world, quick, await world.agent())

    assert len(answer.claims) == 1
    assert answer.claims[0].scheduled_at == due
    await quick.stop()


async def test_stopping_answers_held_polls_at_once_and_empty(world: World, wakeups: Wakeups) -> None:
    poll = asyncio.create_task(_held(world, wakeups, await world.agent()))
    await _until_waiting(wakeups, 1)
    started = time.monotonic()

    await wakeups.stop()

    assert (await poll).claims == ()
    assert time.monotonic() - started < 10


async def test_a_poll_that_finds_nothing_is_answered_empty_when_its_time_is_up(world: World, wakeups: Wakeups) -> None:
    answer = await _held(world, wakeups, await world.agent(), wait_seconds=0.05)

    assert answer == claims.Claimed((), ())


async def test_the_poll_of_a_session_that_was_taken_over_ends_at_once(world: World, wakeups: Wakeups) -> None:
    poll = asyncio.create_task(_held(world, wakeups, await world.agent("same")))
    await _until_waiting(wakeups, 1)

    await world.agent("same")

    with pytest.raises(SessionSuperseded):
        await poll


async def test_the_listening_connection_comes_back_after_it_was_cut(world: World, wakeups: Wakeups) -> None:
    await world.db.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'homeport wakeups'"
        " and datname = current_database()"
    )
    poll = asyncio.create_task(_held(world, wakeups, await world.agent()))
    await _until_listening(world)

    async with asyncio.timeout(20):
        await world.db.execute("select pg_notify('homeport', $1)", f"elsewhere\n{_topic(world)}")
        await world.run()
        assert len((await poll).claims) == 1


async def test_wakeups_start_without_a_database_and_do_not_raise() -> None:
    made = Wakeups("postgresql://postgres@127.0.0.1:9/none")

    await made.start()
    async with made.waiter("run:x") as waiter:
        made.announce(["run:x"])
        assert await waiter.wait(10)
    await made.stop()


def _topic(world: World) -> str:
    return work_queues.topic(world.tenant_id, "default")


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await true():  # noqa: ASYNC110 - the fact is in the database
            await asyncio.sleep(0.005)


async def _until_waiting(wakeups: Wakeups, count: int) -> None:
    """Until so many polls have looked once and wait."""

    async def waiting() -> bool:
        return wakeups.waiting >= count

    await _until(waiting)


async def _until_listening(world: World) -> None:
    async def listening() -> bool:
        query = "select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()"
        return bool(await world.db.fetchval(query, "homeport wakeups"))

    await _until(listening)
