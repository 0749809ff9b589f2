"""When a schedule's runs are due: a function of the schedule and a moment, reading no clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim
from dateutil.rrule import DAILY, HOURLY, WEEKLY, rrule, rrulestr

from homeport_control_plane import schedules
from homeport_control_plane.schedules import Adjustment, Clock, Filter, Schedule

MOST_LEFT_OUT = 20_000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A moment (UTC) at which a run is due, and the number of the clock that says so."""

    at: datetime
    clock: int


def upcoming(schedule: Schedule, after: datetime, until: datetime) -> Iterator[Due]:
    """What is due after one moment and not after another, in order, each time of a clock once."""
    moves = [_reach(move) for move in schedule.adjustments]
    least, most = sum((low for low, _ in moves), timedelta(0)), sum((high for _, high in moves), timedelta(0))
    streams = [_events(number, clock, after - most) for number, clock in enumerate(schedule.clocks)]
    # Moved times may overtake each other: they wait until nothing that is still to come can be earlier.
    waiting: list[tuple[datetime, int]] = []
    told: set[tuple[datetime, int]] = set()
    left_out = 0
    for raw, number, moment in heapq.merge(*streams):
        while waiting and waiting[0][0] < raw + least:
            yield from _new(heapq.heappop(waiting), told)
        if raw + least > until or left_out > MOST_LEFT_OUT:
            break
        counts = _counts(schedule, moment)
        left_out = 0 if counts else left_out + 1
        if counts and after < (at := _moved(schedule, moment)) <= until:
            heapq.heappush(waiting, (at, number))
    for entry in sorted(waiting):
        yield from _new(entry, told)


def _new(entry: tuple[datetime, int], told: set[tuple[datetime, int]]) -> Iterator[Due]:
    """What is due, unless the same clock said so before."""
    if entry not in told:
        told.add(entry)
        yield Due(*entry)


def _events(number: int, clock: Clock, after: datetime) -> Iterator[tuple[datetime, int, datetime]]:
    zone = ZoneInfo(clock.timezone)
    if clock.start is not None:
        after = max(after, clock.start - timedelta(microseconds=1))
    for moment in _moments(clock, zone, after.astimezone(UTC)):
        at = moment.astimezone(UTC)
        if clock.end is not None and at > clock.end:
            return
        yield at, number, at.astimezone(zone)


def _moments(clock: Clock, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    if isinstance(clock, schedules.Cron):
        return _cron(clock, zone, after)
    if isinstance(clock, schedules.Interval):
        return _interval(clock, zone, after)
    if isinstance(clock, schedules.Rrule):
        return _rrule(clock, zone, after)
    return iter(sorted(moment for moment in clock.dates if moment > after))


def _cron(clock: schedules.Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    found = CronSim(clock.cron, after.astimezone(zone))
    if not clock.day_or:
        found.day_and = True
    return found


def _interval(clock: schedules.Interval, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    interval = timedelta(seconds=clock.seconds)
    if interval % _DAY:
        origin = clock.anchor.astimezone(UTC)
        yield from (origin + n * interval for n in count((after - origin) // interval + 1))
        return
    anchor = clock.anchor.astimezone(zone).replace(tzinfo=None)
    for n in count((after.astimezone(zone).replace(tzinfo=None) - anchor) // interval - 1):
        moment = (anchor + n * interval).replace(tzinfo=zone).astimezone(UTC)
        if moment > after:
            yield moment


def _rrule(clock: schedules.Rrule, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    local = after.astimezone(zone).replace(tzinfo=None)
    rule = _near(rrulestr(clock.rrule, ignoretz=True), local)
    last = after
    # A day earlier: a wall clock that was set back shows a time twice, and `after` may be the second.
    for naive in rule.xafter(local - _DAY, inc=True):
        moment = naive.replace(tzinfo=zone).astimezone(UTC)
        if moment > last:
            last = moment
            yield moment


def _near(rule: Any, local: datetime) -> Any:
    """The same rule begun shortly before `local`, where that makes no difference: an old one is not counted through."""
    unit = {WEEKLY: 7 * _DAY, DAILY: _DAY, HOURLY: timedelta(hours=1)}.get(getattr(rule, "_freq", None))
    if not isinstance(rule, rrule) or unit is None or rule._count is not None:
        return rule
    step = unit * rule._interval
    skipped = (local - 2 * _DAY - rule._dtstart) // step - 1
    return rule.replace(dtstart=rule._dtstart + skipped * step) if skipped > 0 else rule


def _counts(schedule: Schedule, moment: datetime) -> bool:
    return (
        all(_passes(test, moment) for test in schedule.filters)
        and (not schedule.or_filters or any(_passes(test, moment) for test in schedule.or_filters))
        and not any(_passes(test, moment) for test in schedule.not_filters)
    )


def _passes(test: Filter, moment: datetime) -> bool:
    check: Callable[[Any, datetime], bool] = _TESTS[type(test)]
    return check(test, moment)


_TESTS: dict[type, Callable[[Any, datetime], bool]] = {
    schedules.OnDatetime: lambda f, t: t.astimezone(UTC) == f.at.astimezone(UTC),
    schedules.OnDate: lambda f, t: (t.month, t.day) == (f.month, f.day),
    schedules.AtTime: lambda f, t: t.time() == f.time,
    schedules.BetweenDatetimes: lambda f, t: f.start <= t.astimezone(UTC) <= f.end,
    schedules.BetweenDates: lambda f, t: _within(
        (f.start_month, f.start_day), (t.month, t.day), (f.end_month, f.end_day)
    ),
    schedules.BetweenTimes: lambda f, t: _within(f.start, t.time(), f.end),
    schedules.IsDayOfWeek: lambda f, t: t.weekday() == f.day_of_week,
    schedules.IsWeekday: lambda f, t: t.weekday() < 5,
    schedules.IsWeekend: lambda f, t: t.weekday() >= 5,
    schedules.IsMonthStart: lambda f, t: t.day == 1,
    schedules.IsMonthEnd: lambda f, t: (t.replace(tzinfo=None) + _DAY).day == 1,
}


def _within(first: Any, value: Any, last: Any) -> bool:
    return bool(first <= value <= last if first <= last else value >= first or value <= last)


def _moved(schedule: Schedule, moment: datetime) -> datetime:
    for move in schedule.adjustments:
        if isinstance(move, schedules.Add):
            moment = (moment.astimezone(UTC) + timedelta(seconds=move.seconds)).astimezone(moment.tzinfo)
        elif moment.weekday() >= 5:
            moment = (moment + _DAY * (7 - moment.weekday())).astimezone(UTC).astimezone(moment.tzinfo)
    return moment.astimezone(UTC)


def _reach(move: Adjustment) -> tuple[timedelta, timedelta]:
    """How far it may move a time: at least, and at most."""
    if isinstance(move, schedules.Add):
        return timedelta(seconds=move.seconds), timedelta(seconds=move.seconds)
    return timedelta(0), timedelta(days=2, hours=2)
