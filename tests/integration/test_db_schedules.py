"""Schedules make runs: ahead of time, once each, of what the deployment is now."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homeport_control_plane import deployments, flow_runs
from homeport_control_plane.errors import InvalidInput
from homeport_control_plane.flow_runs import FlowRun
from homeport_control_plane.loops import scheduler
from tests.integration.db_world import World

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOURLY = {"clocks": [{"type": "cron", "cron": "0 * * * *"}]}


async def scheduled(world: World) -> list[FlowRun]:
    page = await flow_runs.page(world.db, world.tenant_id, first=500)
    return sorted(page.nodes, key=lambda run: run.scheduled_at)


async def test_runs_are_made_ahead_and_once_however_many_servers_look(world: World) -> None:
    await world.register(schedule=HOURLY)

    await asyncio.gather(*(scheduler.run_once(world.db, now=NOON) for _ in range(5)))

    runs = await scheduled(world)
    assert [run.scheduled_at for run in runs] == [NOON + timedelta(hours=n + 1) for n in range(50)]
    assert {(run.state.type, run.created_by, run.state.actor) for run in runs} == {
        ("SCHEDULED", "scheduler", "scheduler")
    }


async def test_what_was_made_is_added_to_as_time_goes_on_and_not_repeated(world: World) -> None:
    await world.register(schedule={"clocks": [{"type": "interval", "seconds": 60, "anchor": "2026-01-01T00:00:00Z"}]})

    counts = [await scheduler.run_once(world.db, now=NOON + timedelta(minutes=minutes)) for minutes in (0, 0, 0, 60)]

    assert counts == [50, 50, 0, 50]
    times = [run.scheduled_at for run in await scheduled(world)]
    assert times == [NOON + timedelta(minutes=n + 1) for n in range(150)]


async def test_a_clocks_parameters_and_labels_are_those_of_its_runs(world: World) -> None:
    clock = {**HOURLY["clocks"][0], "parameters": {"name": "clock"}, "labels": ["night"]}
    await world.register(schedule={"clocks": [clock]}, parameters={"name": "default", "count": 2}, labels=["day"])

    await scheduler.run_once(world.db, now=NOON)

    run = (await scheduled(world))[0]
    assert (run.parameters, run.labels) == ({"name": "clock", "count": 2}, ("night",))


async def test_a_changed_deployment_takes_back_what_nobody_has_taken_and_makes_it_anew(world: World) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await world.register(schedule=HOURLY)
    await scheduler.run_once(world.db, now=soon)

    changed = await world.register(digest="b", schedule={"clocks": [{"type": "cron", "cron": "30 * * * *"}]})
    await scheduler.run_once(world.db, now=soon)

    runs = await scheduled(world)
    assert {run.scheduled_at.minute for run in runs} == {30}
    assert {run.flow_version_id for run in runs} == {changed.flow_version.id}
    orphans = (
        "select count(*) from flow_run_state s where not exists (select from flow_run r where r.id = s.flow_run_id)"
    )
    assert await world.db.fetchval(orphans) == 0


@pytest.mark.parametrize("change", [{"schedule": None}, {"schedule": HOURLY, "schedule_active": False}])
async def test_a_schedule_that_is_taken_away_or_paused_makes_no_more_runs(world: World, change: dict[str, Any]) -> None:
    await world.register(schedule=HOURLY)
    await scheduler.run_once(world.db)

    paused = (await world.register(**change)).deployment
    made = await scheduler.run_once(world.db)

    assert (made, await scheduled(world)) == (0, [])
    assert deployments.upcoming(paused, 3, NOON) == []


async def test_a_run_made_of_a_deployment_that_changed_meanwhile_is_not_made(world: World) -> None:
    await world.register(schedule=HOURLY)
    [row] = await world.db.fetch(scheduler.SQL["due"], NOON, 3600.0, 10)
    await world.register(schedule=HOURLY, digest="b")

    made = await scheduler._fill(world.db, row, NOON)

    assert (made, await scheduled(world)) == (0, [])


async def test_a_deployment_says_when_its_next_runs_are_due(world: World) -> None:
    registered = await world.register(schedule=HOURLY)

    found = deployments.upcoming(registered.deployment, 2, NOON)

    assert found == [NOON + timedelta(hours=1), NOON + timedelta(hours=2)]


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ({"clocks": []}, "length"),
        ({"clocks": [{"type": "sundial"}]}, "sundial"),
        ({"clocks": [{"type": "cron", "cron": "* * *"}]}, "five fields"),
        ({"clocks": [{"type": "cron", "cron": "61 * * * *"}]}, "Bad minute"),
        ({"clocks": [{"type": "cron", "cron": "0 * * * *", "timezone": "Mars/Olympus"}]}, "Mars"),
        ({"clocks": [{"type": "interval", "seconds": 0.01, "anchor": "2026-01-01T00:00:00Z"}]}, "seconds"),
        ({"clocks": [{"type": "interval", "seconds": 60, "anchor": "2026-01-01T00:00:00"}]}, "timezone"),
        ({"clocks": [{"type": "rrule", "rrule": "FREQ=DAILY"}]}, "DTSTART"),
        ({"clocks": [{"type": "rrule", "rrule": "DTSTART:20260101T000000\nRRULE:FREQ=SECONDLY"}]}, "within the hour"),
        ({"clocks": [{"type": "rrule", "rrule": "DTSTART:x\nRRULE:FREQ=DAILY"}]}, "cannot be read"),
        ({**HOURLY, "filters": [{"name": "my_own_function"}]}, "my_own_function"),
        ({"clocks": [{**HOURLY["clocks"][0], "parameters": {"count": "many"}}]}, r"schedule.clocks\[0\]"),
        ("0 9 * * *", "object"),
    ],
)
async def test_a_schedule_that_could_make_no_run_is_refused_by_name(world: World, schedule: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        await world.register(schedule=schedule)
