"""Schedules as users write them: both spellings, time zones, and what is said to what cannot be."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import MONTHLY, rrule

from homeport import Flow, Parameter, flow, task
from homeport.registration import RegistrationError, schedule_of
from homeport.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule, adjustments, filters
from homeport.schedules.clocks import CronClock, DatesClock, IntervalClock
from homeport.schedules.local_runs import run_on_times

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = datetime(2026, 3, 27, tzinfo=UTC)


def shown(schedule: Schedule, count: int, after: datetime = FRIDAY) -> list[str]:
    return [moment.strftime("%a %d %H:%M%z") for moment in schedule.next(count, after)]


@pytest.mark.parametrize(
    ("schedule", "times"),
    [
        (
            CronSchedule("30 2 * * *", timezone="Europe/Berlin"),
            ["Fri 27 02:30+0100", "Sat 28 02:30+0100", "Sun 29 03:00+0200"],
        ),
        (
            CronSchedule("0 * * * *", timezone="Europe/Berlin"),
            ["Fri 27 02:00+0100", "Fri 27 03:00+0100", "Fri 27 04:00+0100"],
        ),
        (CronSchedule("@daily"), ["Sat 28 00:00+0000", "Sun 29 00:00+0000", "Mon 30 00:00+0000"]),
        (
            IntervalSchedule(interval=timedelta(days=1), anchor_date=datetime(2026, 1, 1, 9, tzinfo=BERLIN)),
            ["Fri 27 09:00+0100", "Sat 28 09:00+0100", "Sun 29 09:00+0200"],
        ),
        (
            IntervalSchedule(datetime(2026, 3, 28), timedelta(hours=12), end_date=datetime(2026, 3, 28, 12)),
            ["Sat 28 00:00+0000", "Sat 28 12:00+0000"],
        ),
        (IntervalSchedule(timedelta(hours=8)), ["Fri 27 08:00+0000", "Fri 27 16:00+0000", "Sat 28 00:00+0000"]),
        (
            RRuleSchedule("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18", timezone="Europe/Berlin"),
            ["Fri 27 18:00+0100", "Fri 24 18:00+0200", "Fri 29 18:00+0200"],
        ),
        (
            RRuleSchedule(rrule(MONTHLY, dtstart=datetime(2026, 1, 31), count=4)),
            ["Tue 31 00:00+0000", "Sun 31 00:00+0000", "Fri 31 00:00+0000"],
        ),
        (Schedule([DatesClock([datetime(2026, 4, 1), datetime(2026, 3, 1)])]), ["Wed 01 00:00+0000"]),
    ],
)
def test_a_schedule_keeps_the_wall_clock_of_its_zone(schedule: Schedule, times: list[str]) -> None:
    assert shown(schedule, 3) == times


def test_clocks_are_merged_and_each_says_what_its_runs_are_given() -> None:
    schedule = Schedule(
        [
            CronClock("0 6 * * *", parameter_defaults={"x": 1}),
            IntervalClock(timedelta(hours=4), parameter_defaults={"x": 2}, labels=["big"]),
        ]
    )

    events = schedule.next(3, FRIDAY, return_events=True)

    assert [(e.start_time.hour, e.parameter_defaults, e.labels) for e in events] == [
        (4, {"x": 2}, ["big"]),
        (6, {"x": 1}, None),
        (8, {"x": 2}, ["big"]),
    ]


def test_filters_choose_and_adjustments_move() -> None:
    clocks = [CronClock("0 */6 * * *")]

    chosen = Schedule(clocks, [filters.is_weekend], [filters.at_time(time(6)), filters.at_time(time(18))])
    moved = Schedule(clocks, [filters.at_time(time(12))], adjustments=[adjustments.next_weekday])
    without = Schedule(clocks, not_filters=[filters.between_times(time(5), time(19))])

    assert shown(chosen, 3) == ["Sat 28 06:00+0000", "Sat 28 18:00+0000", "Sun 29 06:00+0000"]
    assert shown(moved, 3) == ["Fri 27 12:00+0000", "Mon 30 12:00+0000", "Tue 31 12:00+0000"]
    assert shown(without, 3) == ["Sat 28 00:00+0000", "Sun 29 00:00+0000", "Mon 30 00:00+0000"]


def test_a_schedule_whose_filters_contradict_each_other_ends() -> None:
    never = Schedule([CronClock("0 0 * * *")], [filters.is_weekday, filters.is_weekend])

    assert never.next(1, FRIDAY) == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CronSchedule("* * *"), "five fields"),
        (lambda: CronSchedule("61 * * * *"), "Bad minute"),
        (lambda: CronSchedule("0 * * * *", timezone="Mars/Olympus"), "no time zone 'Mars/Olympus'"),
        (lambda: IntervalSchedule(interval=timedelta(0)), "greater than zero"),
        (lambda: IntervalSchedule(), "needs an interval"),
        (lambda: RRuleSchedule("FREQ=NEVER"), "cannot be read"),
        (lambda: RRuleSchedule("FREQ=SECONDLY"), "within the hour"),
        (lambda: Schedule([]), "made of clocks"),
        (lambda: Schedule(["0 * * * *"]), "made of clocks"),  # type: ignore[list-item]
        (lambda: Schedule([CronClock("@daily")], ["weekday"]), "functions of a time"),  # type: ignore[list-item]
        (lambda: Flow("f", schedule="0 9 * * *"), "CronSchedule"),  # type: ignore[arg-type]
        (lambda: filters.on_date(2, 30), "day"),
        (lambda: filters.is_day_of_week(7), "0 is Monday"),
    ],
)
def test_what_is_no_schedule_is_refused_where_it_is_written(make: Any, said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        make()


def test_a_function_of_ones_own_filters_local_times_and_cannot_be_registered() -> None:
    def is_even(moment: datetime) -> bool:
        return moment.day % 2 == 0

    @flow(schedule=Schedule([CronClock("@daily")], [is_even]))
    def own() -> None: ...

    assert own.schedule is not None
    assert shown(own.schedule, 2) == ["Sat 28 00:00+0000", "Mon 30 00:00+0000"]
    with pytest.raises(RegistrationError, match="is_even, a function of your own"):
        schedule_of(own)


def test_a_flow_with_a_schedule_runs_once_now_unless_asked_to_wait_for_its_times() -> None:
    seen: list[int] = []

    @task
    def note(x: int) -> None:
        seen.append(x)

    schedule = Schedule([DatesClock([FRIDAY, FRIDAY + timedelta(hours=3)], parameter_defaults={"x": 7})])
    with Flow("scheduled", schedule=schedule) as scheduled:
        note(Parameter("x", default=1))
    clock = [FRIDAY - timedelta(minutes=5)]

    def sleep(seconds: float) -> None:
        clock[0] += timedelta(seconds=seconds)

    once = scheduled.run()
    last = run_on_times(scheduled, {}, now=lambda: clock[0], sleep=sleep)

    assert (once.is_completed(), last.is_completed()) == (True, True)
    assert seen == [1, 7, 7]
    assert clock[0] == FRIDAY + timedelta(hours=3)


def test_waiting_for_the_times_of_a_flow_that_has_none_says_so() -> None:
    @flow
    def plain() -> None: ...

    with pytest.raises(ValueError, match="has no schedule"):
        plain.run(run_on_schedule=True)
