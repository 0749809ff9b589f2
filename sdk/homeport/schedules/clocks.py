"""Clocks: what a schedule's times come from. Each gives moments after a moment, and reads no clock of its own."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from homeport.schedules.zones import aware, iso, zone, zone_name

if TYPE_CHECKING:
    from dateutil.rrule import rrule, rruleset

ANCHOR = datetime(2020, 1, 1)
"""What an interval counts from where nothing is said, in the clock's time zone."""
DAY = timedelta(days=1)
ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """A moment at which a run is due, with what the clock that gave it says about the run."""

    start_time: datetime
    parameter_defaults: dict[str, Any] = field(default_factory=dict)
    labels: list[str] | None = None

    @property
    def moment(self) -> datetime:
        """The start time in UTC. Times of one zone compare by their wall clock, which is set back once a year."""
        return self.start_time.astimezone(UTC)


class Clock:
    """The base of clocks: bounds, parameter defaults and labels of the runs that it makes."""

    type = ""

    def __init__(
        self,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        parameter_defaults: dict[str, Any] | None = None,
        labels: Iterable[str] | None = None,
        timezone: str | None = None,
    ) -> None:
        self.timezone = zone(timezone).key if timezone is not None else zone_name(start_date) or "UTC"
        self.start_date = None if start_date is None else aware(start_date, self.timezone)
        self.end_date = None if end_date is None else aware(end_date, self.timezone)
        self.parameter_defaults = dict(parameter_defaults or {})
        self.labels = None if labels is None else list(labels)

    def moments(self, after: datetime) -> Iterator[datetime]:
        """Every moment later than `after` (in UTC), in order, without regard to the clock's bounds."""
        raise NotImplementedError

    def events(self, after: datetime) -> Iterator[ClockEvent]:
        """The events later than `after`, within the clock's bounds, in order; in the clock's time zone."""
        if self.start_date is not None:
            after = max(after, self.start_date.astimezone(UTC) - timedelta(microseconds=1))
        end = None if self.end_date is None else self.end_date.astimezone(UTC)
        for moment in self.moments(after.astimezone(UTC)):
            if end is not None and moment.astimezone(UTC) > end:
                return
            yield ClockEvent(moment.astimezone(zone(self.timezone)), self.parameter_defaults, self.labels)

    def to_dict(self) -> dict[str, Any]:
        """The clock as it is sent."""
        said: dict[str, Any] = {"type": self.type, "timezone": self.timezone, **self._own()}
        said |= {"start": iso(self.start_date)} if self.start_date is not None else {}
        said |= {"end": iso(self.end_date)} if self.end_date is not None else {}
        said |= {"parameters": self.parameter_defaults} if self.parameter_defaults else {}
        return said | ({"labels": self.labels} if self.labels is not None else {})

    def _own(self) -> dict[str, Any]:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clock) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment] # holds dicts

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.to_dict().items() if k != 'type')})"


class CronClock(Clock):
    """Times of a cron expression of five fields, in the clock's time zone.

    Around a daylight-saving change it does what Debian's cron does: a time that does not exist is due right after the
    gap, and one that comes twice is due once; expressions with a star for the hour go on by real time.
    Raises ValueError for what is no expression of five fields.
    """

    type = "cron"

    def __init__(
        self,
        cron: str,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        parameter_defaults: dict[str, Any] | None = None,
        labels: Iterable[str] | None = None,
        day_or: bool | None = None,
        timezone: str | None = None,
    ) -> None:
        super().__init__(start_date, end_date, parameter_defaults, labels, timezone)
        self.cron = ALIASES.get(cron.strip().lower(), cron) if isinstance(cron, str) else cron
        self.day_or = day_or is not False
        self._check()

    def moments(self, after: datetime) -> Iterator[datetime]:
        """The times that match."""
        from cronsim import CronSim

        found = CronSim(self.cron, after.astimezone(zone(self.timezone)))
        if not self.day_or:
            found.day_and = True
        yield from found

    def _own(self) -> dict[str, Any]:
        return {"cron": self.cron, **({} if self.day_or else {"day_or": False})}

    def _check(self) -> None:
        from cronsim import CronSim, CronSimError

        if not isinstance(self.cron, str) or len(self.cron.split()) != 5:
            raise ValueError(
                f"A cron schedule has five fields (minute, hour, day, month, weekday); it was given {self.cron!r}. "
                "For something else use an interval or an RRULE."
            )
        try:
            CronSim(self.cron, ANCHOR)
        except CronSimError as error:
            raise ValueError(f"The cron expression {self.cron!r} cannot be read: {error}.") from None


class IntervalClock(Clock):
    """Every so often, counted from a date.

    An interval of whole days keeps the time of day in its time zone across daylight-saving changes; any other counts
    real time. `interval` is a timedelta or a number of seconds. Raises ValueError for one that is not above zero.
    """

    type = "interval"

    def __init__(
        self,
        interval: timedelta | float,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        parameter_defaults: dict[str, Any] | None = None,
        labels: Iterable[str] | None = None,
        *,
        anchor_date: datetime | None = None,
        timezone: str | None = None,
    ) -> None:
        super().__init__(start_date, end_date, parameter_defaults, labels, timezone or zone_name(anchor_date))
        self.interval = timedelta(seconds=interval) if isinstance(interval, int | float) else interval
        if not isinstance(self.interval, timedelta) or self.interval <= timedelta(0):
            raise ValueError(f"An interval is a timedelta (or seconds) greater than zero; it was given {interval!r}.")
        self.anchor = aware(anchor_date or start_date or ANCHOR, self.timezone)

    def moments(self, after: datetime) -> Iterator[datetime]:
        """The anchor and every interval before and after it."""
        if self.interval % DAY:
            origin = self.anchor.astimezone(UTC)
            first = (after - origin) // self.interval + 1
            yield from (origin + n * self.interval for n in count(first))
            return
        here = zone(self.timezone)
        anchor = self.anchor.astimezone(here).replace(tzinfo=None)
        first = (after.astimezone(here).replace(tzinfo=None) - anchor) // self.interval - 1
        for n in count(first):
            moment = (anchor + n * self.interval).replace(tzinfo=here)
            if moment.astimezone(UTC) > after:
                yield moment.astimezone(UTC)

    def _own(self) -> dict[str, Any]:
        return {"seconds": self.interval.total_seconds(), "anchor": iso(self.anchor)}


class RRuleClock(Clock):
    """The dates of an RRULE (RFC 5545), given as text or as a dateutil rrule; wall-clock times of its time zone.

    Raises TypeError for what is neither, ValueError for text that is no rule, and for one that repeats within the hour.
    """

    type = "rrule"

    def __init__(
        self,
        rrule_obj: str | rrule | rruleset,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        parameter_defaults: dict[str, Any] | None = None,
        labels: Iterable[str] | None = None,
        timezone: str | None = None,
    ) -> None:
        from dateutil.rrule import rrule

        if isinstance(rrule_obj, rrule):
            timezone = timezone or zone_name(rrule_obj._dtstart)
        elif not isinstance(rrule_obj, str):
            raise TypeError(
                f"An RRULE is given as text ('DTSTART:20260101T090000\\nRRULE:FREQ=DAILY') or as a dateutil rrule; "
                f"it was given {type(rrule_obj).__name__}."
            )
        super().__init__(start_date, end_date, parameter_defaults, labels, timezone)
        self.rrule = str(rrule_obj)
        if isinstance(rrule_obj, str) and "DTSTART" not in self.rrule.upper():
            # Without a start, it would be counted from whenever it is read.
            begins = ANCHOR if start_date is None else aware(start_date).astimezone(zone(self.timezone))
            body = self.rrule if "RRULE" in self.rrule.upper() else f"RRULE:{self.rrule}"
            self.rrule = f"DTSTART:{begins:%Y%m%dT%H%M%S}\n{body}"
        self._parsed()

    def moments(self, after: datetime) -> Iterator[datetime]:
        """The dates of the rule."""
        here = zone(self.timezone)
        local = after.astimezone(here).replace(tzinfo=None)
        last = after
        # A day earlier: a wall clock that was set back shows a time twice, and `after` may be the second.
        for naive in near(self._parsed(), local).xafter(local - DAY, inc=True):
            moment = naive.replace(tzinfo=here).astimezone(UTC)
            if moment > last:
                last = moment
                yield moment

    def _own(self) -> dict[str, Any]:
        return {"rrule": self.rrule}

    def _parsed(self) -> Any:
        from dateutil.rrule import MINUTELY, rrule, rrulestr

        try:
            found = rrulestr(self.rrule, ignoretz=True)
        except (ValueError, TypeError, KeyError) as error:
            why = str(error)
            if "to unpack" in why:  # of dateutil's own taking apart
                why = "its parts are NAME=VALUE with ; between them, such as FREQ=DAILY;BYHOUR=9"
            raise ValueError(f"The RRULE {self.rrule!r} cannot be read: {why}.") from None
        rules = [found] if isinstance(found, rrule) else found._rrule
        if any(rule._freq >= MINUTELY for rule in rules):
            raise ValueError(f"The RRULE {self.rrule!r} repeats within the hour: use a cron or interval schedule.")
        return found


class DatesClock(Clock):
    """Some dates and no others. Raises ValueError where there is none, TypeError for what is no datetime."""

    type = "dates"

    def __init__(
        self,
        dates: Iterable[datetime],
        parameter_defaults: dict[str, Any] | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        given = sorted(aware(moment) for moment in dates)
        if not given:
            raise ValueError("A clock of dates needs at least one.")
        super().__init__(given[0], given[-1], parameter_defaults, labels)
        self.dates = given

    def moments(self, after: datetime) -> Iterator[datetime]:
        """Those of the dates that are later."""
        yield from (moment for moment in self.dates if moment > after)

    def _own(self) -> dict[str, Any]:
        return {"dates": [iso(moment) for moment in self.dates]}


def merged(clocks: Iterable[Clock], after: datetime) -> Iterator[ClockEvent]:
    """The events of several clocks in order of time."""
    return heapq.merge(*(clock.events(after) for clock in clocks), key=lambda event: event.moment)


def near(rule: Any, local: datetime) -> Any:
    """The same rule begun shortly before `local`, where that makes no difference: an old one is not counted through."""
    from dateutil.rrule import DAILY, HOURLY, WEEKLY, rrule

    unit = {WEEKLY: 7 * DAY, DAILY: DAY, HOURLY: timedelta(hours=1)}.get(getattr(rule, "_freq", None))
    if not isinstance(rule, rrule) or unit is None or rule._count is not None:
        return rule
    step = unit * rule._interval
    skipped = (local - 2 * DAY - rule._dtstart) // step - 1
    return rule.replace(dtstart=rule._dtstart + skipped * step) if skipped > 0 else rule
