"""Everything at once on the same runs: one end each, a history without gaps, nothing left behind."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable
from uuid import uuid4

from homeport_control_plane.claims import Claim
from homeport_control_plane.errors import DomainError
from homeport_control_plane.loops import late_marker, rescuer
from tests.integration.db_world import World, later, line, state, task

FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


async def _tolerating(work: Awaitable[object]) -> None:
    with contextlib.suppress(DomainError):
        await work


async def _assert_sound(world: World) -> None:
    gaps = await world.db.fetch(
        "select flow_run_id from flow_run_state where accepted group by flow_run_id"
        " having count(*) <> max(number) or count(distinct number) <> count(*)"
    )
    unfolded = await world.db.fetch(
        "select r.id from flow_run r"
        " join flow_run_state s on s.flow_run_id = r.id and s.number = r.event_number and s.accepted"
        " where (s.type, s.name) <> (r.state_type, r.state_name)"
    )
    revived = await world.db.fetch(
        "select a.flow_run_id from flow_run_state a join flow_run_state b"
        " on b.flow_run_id = a.flow_run_id and b.number > a.number and a.accepted and b.accepted"
        " where a.type = any ($1)",
        list(FINAL),
    )
    live_twice = await world.db.fetch(
        "select flow_run_id from attempt where ended_at is null group by flow_run_id having count(*) > 1"
    )
    disagreeing = await world.db.fetch(
        "select r.id from flow_run r join attempt a on a.flow_run_id = r.id"
        " where (a.ended_at is null) <> coalesce(r.attempt_id = a.id, false)"
    )
    orphans = await world.db.fetch(
        "select t.id from task_run t join attempt a on a.id = t.attempt_id"
        " where a.ended_at is not null and t.finished_at is null"
    )
    assert (gaps, unfolded, revived, live_twice, disagreeing, orphans) == ([], [], [], [], [], [])


async def test_a_run_that_is_finished_cancelled_rescued_and_reported_at_once_ends_once(world: World) -> None:
    agent = await world.agent()
    await world.runs(40)
    claims = await world.claim(agent, 40)
    for claim in claims:
        await world.start(claim)
        one = uuid4()
        await world.report(claim, task(1, one), state(2, one, "RUNNING"))
    work: list[Awaitable[object]] = []
    for claim in claims:
        work += [
            world.finish(claim, "COMPLETED"),
            world.finish(claim, "CRASHED"),
            world.finish(claim, "CANCELLED"),
            world.cancel(claim.flow_run_id),
            world.report(claim, line(3, "x"), state(4, uuid4(), "RUNNING")),
        ]
    work += [rescuer.run_once(world.db, now=later(3600)) for _ in range(4)]
    random.Random(1).shuffle(work)

    await asyncio.gather(*(_tolerating(each) for each in work))

    types = {(await world.get(claim.flow_run_id)).state.type for claim in claims}
    assert types <= FINAL
    await _assert_sound(world)


async def test_agents_that_claim_start_lose_and_finish_in_a_crowd_leave_nothing_behind(world: World) -> None:
    await world.register(on_lost="RETRY")
    runs = await world.runs(80)
    starts: dict[tuple[object, int], int] = {}

    async def agent(number: int) -> None:
        chance = random.Random(number)
        me = await world.agent(f"a{number}")
        for _ in range(60):
            got = await world.claim(me, chance.randint(1, 3))
            if not got and not await world.db.fetchval("select count(*) from flow_run where finished_at is null"):
                return
            for claim in got:
                await live(claim, chance)

    async def live(claim: Claim, chance: random.Random) -> None:
        try:
            await world.start(claim, instance=f"i{chance.random()}")
        except DomainError:
            return
        key = (claim.flow_run_id, claim.attempt_number)
        starts[key] = starts.get(key, 0) + 1
        fate = chance.random()
        if fate < 0.2:
            # The machine is gone: its lease is over.
            await world.db.execute("update attempt set lease_until = '-infinity' where id = $1", claim.attempt_id)
            return
        if fate < 0.3:
            await _tolerating(world.cancel(claim.flow_run_id))
        await _tolerating(world.finish(claim, "COMPLETED" if fate < 0.9 else "FAILED"))

    async def keep_rescuing() -> None:
        for _ in range(200):
            await rescuer.run_once(world.db)
            await late_marker.run_once(world.db, now=later(60))
            if not await world.db.fetchval("select count(*) from flow_run where finished_at is null"):
                return

    await asyncio.gather(*(agent(number) for number in range(8)), keep_rescuing())
    async with asyncio.timeout(30):
        while await world.db.fetchval("select count(*) from flow_run where finished_at is null"):
            await asyncio.gather(agent(100), keep_rescuing())

    names = await world.db.fetch("select name from flow_run_state where accepted")
    reached = Counter(row["name"] for row in names)
    # A crowd in which nothing is lost or cancelled shows nothing.
    assert min(reached["AwaitingRetry"], reached["Cancelling"], reached["Completed"]) >= 5, reached
    assert set(starts.values()) == {1}
    assert {run for run, _ in starts} == set(runs)
    await _assert_sound(world)
