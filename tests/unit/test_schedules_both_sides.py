"""What a schedule means is said twice, once on each side of the wire: here the two must say the same."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise, takewhile
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from homeport.schedules import Schedule, adjustments, filters
from homeport.schedules.clocks import Clock, CronClock, DatesClock, IntervalClock, RRuleClock
from homeport_control_plane import schedule_times, schedules

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
# Around the changes of 2026 in these zones, and anywhere in two years.
MOMENTS = st.one_of(
    st.datetimes(datetime(2026, 3, 27), datetime(2026, 4, 6), timezones=st.just(UTC)),
    st.datetimes(datetime(2026, 10, 3), datetime(2026, 11, 3), timezones=st.just(UTC)),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
).map(lambda moment: moment.replace(microsecond=0))
CRONS = st.sampled_from(
    [
        "30 2 * * *",
        "*/20 * * * *",
        "0 * * * *",
        "15 1,2,3 * * *",
        "0 9 * * 1-5",
        "0 12 13 * 5",
        "0 0 L * *",
        "5 4 * * 1#2",
    ]
)
RRULES = st.sampled_from(
    ["FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "FREQ=HOURLY;INTERVAL=5", "FREQ=WEEKLY;BYDAY=MO,FR;INTERVAL=2",
     "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=DAILY;COUNT=2400", "RRULE:FREQ=DAILY\nEXDATE:20260401T000000"]
)  # fmt: skip


def bounds(draw: Any) -> dict[str, Any]:
    start = draw(st.none() | MOMENTS)
    return {"start_date": start, "timezone": draw(ZONES), "end_date": start and start + timedelta(days=40)}


@st.composite
def clocks(draw: Any) -> Clock:
    kind = draw(st.sampled_from(["cron", "interval", "rrule", "dates"]))
    if kind == "cron":
        return CronClock(draw(CRONS), day_or=draw(st.booleans()), **bounds(draw))
    if kind == "interval":
        interval = draw(st.sampled_from([900, 3600 * 7, 86400, 86400 * 3, 5400.5]))
        return IntervalClock(interval, **bounds(draw), anchor_date=draw(st.none() | MOMENTS))
    if kind == "rrule":
        return RRuleClock(draw(RRULES), **bounds(draw))
    return DatesClock(draw(st.lists(MOMENTS, min_size=1, max_size=5)))


TIMES = st.times().map(lambda value: value.replace(microsecond=0))
FILTERS = st.one_of(
    st.sampled_from([filters.is_weekday, filters.is_weekend, filters.is_month_start, filters.is_month_end]),
    st.builds(filters.between_times, TIMES, TIMES),
    st.builds(filters.at_time, st.just(time(2, 30))),
    st.builds(filters.is_day_of_week, st.integers(0, 6)),
    st.builds(filters.between_dates, st.integers(1, 12), st.just(15), st.integers(1, 12), st.just(20)),
    st.builds(filters.on_date, st.integers(1, 12), st.integers(1, 28)),
    st.builds(lambda at: filters.between_datetimes(at, at + timedelta(days=9)), MOMENTS),
)
FEW = st.lists(FILTERS, max_size=2)
MOVES = st.lists(
    st.sampled_from(
        [adjustments.next_weekday, adjustments.add(timedelta(hours=3)), adjustments.add(timedelta(hours=-30))]
    ),
    max_size=2,
)


@st.composite
def whole_schedules(draw: Any) -> Schedule:
    return Schedule(draw(st.lists(clocks(), min_size=1, max_size=3)), draw(FEW), draw(FEW), draw(FEW), draw(MOVES))


@given(whole_schedules(), MOMENTS)
@settings(max_examples=50, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_both_sides_find_the_same_times(schedule: Schedule, after: datetime) -> None:
    until = after + timedelta(days=10)
    sent, _ = schedules.checked(schedule.to_dict())

    ours = [event.moment for event in takewhile(lambda e: e.moment <= until, bounded(schedule, after))]
    theirs = [due.at for due in schedule_times.upcoming(sent, after, until)]

    assert sorted(set(theirs)) == sorted(set(ours))
    assert theirs == sorted(theirs)


@given(whole_schedules(), MOMENTS)
@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_times_come_in_order_after_the_moment_and_asking_from_any_of_them_finds_the_rest(
    schedule: Schedule, after: datetime
) -> None:
    events = list(takewhile(lambda e: e.moment <= after + timedelta(days=5), bounded(schedule, after)))

    found = [event.moment for event in events]
    assert all(moment > after for moment in found)
    assert all(earlier <= later for earlier, later in pairwise(found))
    if found:
        rest = takewhile(lambda e: e.moment <= after + timedelta(days=5), bounded(schedule, found[0]))
        assert [event.moment for event in rest] == [moment for moment in found if moment > found[0]]


def bounded(schedule: Schedule, after: datetime) -> Any:
    """The schedule's events; one whose filters let nothing through is not looked through for years."""
    import homeport.schedules.schedule as module

    module.MOST_LEFT_OUT, before = 20_000, module.MOST_LEFT_OUT
    try:
        yield from schedule.events(after)
    finally:
        module.MOST_LEFT_OUT = before
