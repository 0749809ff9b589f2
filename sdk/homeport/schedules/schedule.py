"""A schedule: clocks, which of their times count, and how these are moved."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, overload

from homeport.schedules.adjustments import Adjustment
from homeport.schedules.clocks import Clock, ClockEvent, CronClock, IntervalClock, RRuleClock, merged
from homeport.schedules.filters import Filter

if TYPE_CHECKING:
    from dateutil.rrule import rrule

Test = Callable[[datetime], bool]
Move = Callable[[datetime], datetime]
MOST_LEFT_OUT = 100_000
"""After so many times in a row that no filter lets through, a schedule has no more."""
FURTHEST = timedelta(days=50 * 366)
"""Nor so long after the moment that was asked for."""


class Schedule:
    """The times of all clocks at which every filter, one of the or-filters and no not-filter is true, adjusted.

    Raises TypeError for what is no clock, and for filters and adjustments that are no functions.
    """

    def __init__(
        self,
        clocks: Iterable[Clock],
        filters: Iterable[Test] | None = None,
        or_filters: Iterable[Test] | None = None,
        not_filters: Iterable[Test] | None = None,
        adjustments: Iterable[Move] | None = None,
    ) -> None:
        self.clocks = list(clocks)
        self.filters, self.or_filters = list(filters or ()), list(or_filters or ())
        self.not_filters, self.adjustments = list(not_filters or ()), list(adjustments or ())
        wrong = [clock for clock in self.clocks if not isinstance(clock, Clock)]
        if wrong or not self.clocks:
            raise TypeError(f"A schedule is made of clocks (homeport.schedules.clocks); it was given {wrong[:1]}.")
        for function in (*self.filters, *self.or_filters, *self.not_filters, *self.adjustments):
            if not callable(function):
                raise TypeError(f"Filters and adjustments are functions of a time; this one is not: {function!r}.")

    @overload
    def next(self, n: int, after: datetime | None = None, return_events: Literal[False] = False) -> list[datetime]: ...
    @overload
    def next(self, n: int, after: datetime | None = None, *, return_events: Literal[True]) -> list[ClockEvent]: ...
    def next(
        self, n: int, after: datetime | None = None, return_events: bool = False
    ) -> list[datetime] | list[ClockEvent]:
        """The next `n` times after a moment (now, unless given), in order; fewer where the schedule ends before.

        With `return_events`, each with the parameter defaults and labels of its clock.
        """
        if after is not None and after.tzinfo is None:
            after = after.replace(tzinfo=UTC)
        events = list(islice(self.events(after or datetime.now(UTC)), n))
        return events if return_events else [event.start_time for event in events]

    def events(self, after: datetime) -> Iterator[ClockEvent]:
        """Every event after this moment, in order."""
        after = after.astimezone(UTC)
        moves = [move for move in self.adjustments if isinstance(move, Adjustment)]
        least, most = (sum((getattr(m, end) for m in moves), timedelta(0)) for end in ("least", "most"))
        # Moved times may overtake each other: they wait until nothing that is still to come can be earlier.
        waiting: list[tuple[datetime, int, ClockEvent]] = []
        last: ClockEvent | None = None
        left_out = 0
        for number, event in enumerate(merged(self.clocks, after - most)):
            while waiting and waiting[0][0] < event.moment + least:
                _, _, due = heapq.heappop(waiting)
                if not _same(due, last):
                    last = due
                    yield due
            moved = self._moved(event) if self._counts(event.start_time) else None
            left_out = 0 if moved is not None else left_out + 1
            if moved is not None and moved.moment > after:
                heapq.heappush(waiting, (moved.moment, number, moved))
            if left_out > MOST_LEFT_OUT or event.moment - after > FURTHEST:
                break
        for _, _, due in sorted(waiting, key=lambda entry: entry[:2]):
            if not _same(due, last):
                last = due
                yield due

    def to_dict(self) -> dict[str, Any]:
        """The schedule as it is sent; raises ValueError for a function that cannot be."""
        said: dict[str, Any] = {"clocks": [clock.to_dict() for clock in self.clocks]}
        for name in ("filters", "or_filters", "not_filters", "adjustments"):
            if functions := getattr(self, name):
                said[name] = [_named(function) for function in functions]
        return said

    def _counts(self, moment: datetime) -> bool:
        return (
            all(test(moment) for test in self.filters)
            and (not self.or_filters or any(test(moment) for test in self.or_filters))
            and not any(test(moment) for test in self.not_filters)
        )

    def _moved(self, event: ClockEvent) -> ClockEvent:
        moment = event.start_time
        for move in self.adjustments:
            moment = move(moment)
        return ClockEvent(moment, event.parameter_defaults, event.labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment] # holds lists

    def __repr__(self) -> str:
        return f"<Schedule of {', '.join(map(repr, self.clocks))}>"


def CronSchedule(  # noqa: N802 - named as the class that it is in 1.x and 2.x
    cron: str,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    day_or: bool | None = None,
    timezone: str | None = None,
) -> Schedule:
    """A schedule of one cron expression: `CronSchedule("0 9 * * 1-5", timezone="Europe/Berlin")`.

    Raises ValueError for what is no expression of five fields.
    """
    return Schedule([CronClock(cron, start_date, end_date, day_or=day_or, timezone=timezone)])


def IntervalSchedule(  # noqa: N802 - named as the class that it is in 1.x and 2.x
    start_date: datetime | timedelta | None = None,
    interval: timedelta | float | None = None,
    end_date: datetime | None = None,
    anchor_date: datetime | None = None,
    timezone: str | None = None,
) -> Schedule:
    """A schedule of one interval, a timedelta or seconds: `IntervalSchedule(interval=timedelta(hours=1))`.

    Raises TypeError without an interval, ValueError for one that is not greater than zero.
    """
    if isinstance(start_date, timedelta):  # the one argument that people give without its name
        start_date, interval = None, start_date
    if interval is None:
        raise TypeError("IntervalSchedule needs an interval: IntervalSchedule(interval=timedelta(hours=1)).")
    return Schedule([IntervalClock(interval, start_date, end_date, anchor_date=anchor_date, timezone=timezone)])


def RRuleSchedule(  # noqa: N802 - named as the class that it is in 1.x and 2.x
    rrule: str | rrule,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    timezone: str | None = None,
) -> Schedule:
    """A schedule of one RRULE: `RRuleSchedule("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18")`.

    Raises ValueError for text that is no rule, and for one that repeats within the hour.
    """
    return Schedule([RRuleClock(rrule, start_date, end_date, timezone=timezone)])


def _same(event: ClockEvent, last: ClockEvent | None) -> bool:
    return last is not None and (event.moment, event.parameter_defaults, event.labels) == (
        last.moment,
        last.parameter_defaults,
        last.labels,
    )


def _named(function: Test | Move) -> dict[str, Any]:
    if isinstance(function, Filter | Adjustment):
        return function.to_dict()
    name = getattr(function, "__qualname__", repr(function))
    raise ValueError(
        f"The schedule uses {name}, a function of your own, which the control plane cannot run (it sees no code). Use "
        "those of homeport.schedules.filters and homeport.schedules.adjustments, or decide inside the flow."
    )
