"""Moving a schedule's times: each is a function of a time that gives the time instead.

Those made here know their names, so that they can be sent to the control plane; your own functions work in local runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Adjustment:
    """A move that has a name and arguments; it moves a time by something between `least` and `most`."""

    name: str
    arguments: dict[str, Any]
    move: Callable[[datetime], datetime]
    least: timedelta
    most: timedelta

    def __call__(self, dt: datetime) -> datetime:
        """The time instead."""
        return self.move(dt)

    def to_dict(self) -> dict[str, Any]:
        """The adjustment as it is sent."""
        return {"name": self.name, **self.arguments}


def add(interval: timedelta) -> Adjustment:
    """So much later (or earlier, with a negative timedelta), in real time. Raises TypeError for no timedelta."""
    if not isinstance(interval, timedelta):
        raise TypeError(f"add: the interval is a timedelta; it was given {interval!r}.")
    return Adjustment("add", {"seconds": interval.total_seconds()}, lambda dt: _later(dt, interval), interval, interval)


def _later(dt: datetime, interval: timedelta) -> datetime:
    return (dt.astimezone(UTC) + interval).astimezone(dt.tzinfo)


def _to_weekday(dt: datetime) -> datetime:
    days = max(0, 7 - dt.weekday()) if dt.weekday() >= 5 else 0
    # Through UTC, because the wall-clock time may not exist on that day.
    return (dt + timedelta(days=days)).astimezone(UTC).astimezone(dt.tzinfo)


next_weekday = Adjustment("next_weekday", {}, _to_weekday, timedelta(0), timedelta(days=2, hours=2))
"""The same time on the next Monday, for times on a weekend."""
