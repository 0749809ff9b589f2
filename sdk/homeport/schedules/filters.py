"""Which of a schedule's times count. A filter is a function of a time, in the zone of the clock that gave it.

Those made here know their names, so that they can be sent to the control plane; your own functions work in local runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from homeport.schedules.zones import aware, iso

WORKDAYS = 5


@dataclass(frozen=True)
class Filter:
    """A test of a time that has a name and arguments."""

    name: str
    arguments: dict[str, Any]
    test: Callable[[datetime], bool]

    def __call__(self, dt: datetime) -> bool:
        """True where the time counts."""
        return self.test(dt)

    def to_dict(self) -> dict[str, Any]:
        """The filter as it is sent."""
        return {"name": self.name, **self.arguments}

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"


def on_datetime(dt: datetime) -> Filter:
    """Exactly this moment."""
    moment = aware(dt).astimezone(UTC)
    return Filter("on_datetime", {"at": iso(moment)}, lambda dt: dt.astimezone(UTC) == moment)


def on_date(month: int, day: int) -> Filter:
    """That day of each year."""
    _day_of_year(month, day)
    return Filter("on_date", {"month": month, "day": day}, lambda dt: (dt.month, dt.day) == (month, day))


def at_time(value: time) -> Filter:
    """That time of each day."""
    return Filter("at_time", {"time": _clock_time(value)}, lambda dt: dt.time() == value)


def between_datetimes(start: datetime, end: datetime) -> Filter:
    """From one moment to another, both included. Raises ValueError for a start after the end."""
    first, last = aware(start).astimezone(UTC), aware(end).astimezone(UTC)
    if first > last:
        raise ValueError(f"between_datetimes: the start {start} is after the end {end}.")
    arguments = {"start": iso(first), "end": iso(last)}
    return Filter("between_datetimes", arguments, lambda dt: first <= dt.astimezone(UTC) <= last)


def between_dates(start_month: int, start_day: int, end_month: int, end_day: int) -> Filter:
    """From one day of the year to another, both included; a start after the end goes over the turn of the year."""
    first, last = _day_of_year(start_month, start_day), _day_of_year(end_month, end_day)
    arguments = {"start_month": start_month, "start_day": start_day, "end_month": end_month, "end_day": end_day}
    return Filter("between_dates", arguments, lambda dt: _within(first, (dt.month, dt.day), last))


def between_times(start: time, end: time) -> Filter:
    """From one time of day to another, both included; a start after the end goes over midnight."""
    arguments = {"start": _clock_time(start), "end": _clock_time(end)}
    return Filter("between_times", arguments, lambda dt: _within(start, dt.time(), end))


def is_day_of_week(day_of_week: int) -> Filter:
    """That day of each week: 0 is Monday, 6 is Sunday; ValueError for another number."""
    if day_of_week not in range(7):
        raise ValueError(f"is_day_of_week: 0 is Monday and 6 is Sunday; it was given {day_of_week!r}.")
    return Filter("is_day_of_week", {"day_of_week": day_of_week}, lambda dt: dt.weekday() == day_of_week)


is_weekday = Filter("is_weekday", {}, lambda dt: dt.weekday() < WORKDAYS)
"""Monday to Friday."""
is_weekend = Filter("is_weekend", {}, lambda dt: dt.weekday() >= WORKDAYS)
"""Saturday and Sunday."""
is_month_start = Filter("is_month_start", {}, lambda dt: dt.day == 1)
"""The first day of a month."""
is_month_end = Filter("is_month_end", {}, lambda dt: (dt.replace(tzinfo=None) + timedelta(days=1)).day == 1)
"""The last day of a month."""


def _within(first: Any, value: Any, last: Any) -> bool:
    return bool(first <= value <= last if first <= last else value >= first or value <= last)


def _day_of_year(month: int, day: int) -> tuple[int, int]:
    datetime(2020, month, day)  # a leap year; raises ValueError for a day that no year has
    return month, day


def _clock_time(value: time) -> str:
    if not isinstance(value, time) or value.tzinfo is not None:
        raise TypeError(f"A time of day is a datetime.time without a zone (the clock has one); it was given {value!r}.")
    return value.isoformat()
