"""Schedules as deployments carry them: data that is checked when it comes, never code.

`schedule_times.py` says which times they mean. The customer's side has the same meaning in its own words (no Python is
shared), and a property test holds the two together.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError
from dateutil.rrule import MINUTELY, rrule, rrulestr
from msgspec import Meta

from homeport_control_plane.documents import to_json
from homeport_control_plane.errors import InvalidInput

MAX_SCHEDULE_BYTES = 64 * 1024
MOST_CLOCKS = 100

Moment = Annotated[datetime, Meta(tz=True)]
TimeOfDay = Annotated[time, Meta(tz=False)]
Month = Annotated[int, Meta(ge=1, le=12)]
Day = Annotated[int, Meta(ge=1, le=31)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown fields are refused: one that is dropped would silently change when runs are due."""


class _Clock(_Strict, frozen=True, kw_only=True, tag_field="type"):
    timezone: str = "UTC"
    start: Moment | None = None
    end: Moment | None = None
    parameters: dict[str, Any] = {}
    labels: list[str] | None = None


class Cron(_Clock, frozen=True, kw_only=True, tag="cron"):
    """Five fields, by the wall clock of the zone."""

    cron: Annotated[str, Meta(max_length=500)]
    day_or: bool = True


class Interval(_Clock, frozen=True, kw_only=True, tag="interval"):
    """Every so many seconds from the anchor; whole days keep the wall clock's time."""

    seconds: Annotated[float, Meta(ge=1, le=10 * 366 * 86400)]
    anchor: Moment


class Rrule(_Clock, frozen=True, kw_only=True, tag="rrule"):
    """The dates of an RRULE with its DTSTART."""

    rrule: Annotated[str, Meta(max_length=8192)]


class Dates(_Clock, frozen=True, kw_only=True, tag="dates"):
    """These dates."""

    dates: Annotated[list[Moment], Meta(min_length=1, max_length=1000)]


Clock = Cron | Interval | Rrule | Dates


class _Named(_Strict, frozen=True, kw_only=True, tag_field="name"):
    pass


class OnDatetime(_Named, frozen=True, kw_only=True, tag="on_datetime"):
    """This moment."""

    at: Moment


class OnDate(_Named, frozen=True, kw_only=True, tag="on_date"):
    """This day of each year."""

    month: Month
    day: Day


class AtTime(_Named, frozen=True, kw_only=True, tag="at_time"):
    """This time of each day."""

    time: TimeOfDay


class BetweenDatetimes(_Named, frozen=True, kw_only=True, tag="between_datetimes"):
    """From one moment to another."""

    start: Moment
    end: Moment


class BetweenDates(_Named, frozen=True, kw_only=True, tag="between_dates"):
    """From one day of the year to another, over the turn of the year where the first is later."""

    start_month: Month
    start_day: Day
    end_month: Month
    end_day: Day


class BetweenTimes(_Named, frozen=True, kw_only=True, tag="between_times"):
    """From one time of day to another, over midnight where the first is later."""

    start: TimeOfDay
    end: TimeOfDay


class IsDayOfWeek(_Named, frozen=True, kw_only=True, tag="is_day_of_week"):
    """This day of each week, 0 being Monday."""

    day_of_week: Annotated[int, Meta(ge=0, le=6)]


class IsWeekday(_Named, frozen=True, kw_only=True, tag="is_weekday"):
    """Monday to Friday."""


class IsWeekend(_Named, frozen=True, kw_only=True, tag="is_weekend"):
    """Saturday and Sunday."""


class IsMonthStart(_Named, frozen=True, kw_only=True, tag="is_month_start"):
    """The first of a month."""


class IsMonthEnd(_Named, frozen=True, kw_only=True, tag="is_month_end"):
    """The last of a month."""


Filter = (
    OnDatetime
    | OnDate
    | AtTime
    | BetweenDatetimes
    | BetweenDates
    | BetweenTimes
    | IsDayOfWeek
    | IsWeekday
    | IsWeekend
    | IsMonthStart
    | IsMonthEnd
)


class Add(_Named, frozen=True, kw_only=True, tag="add"):
    """So many seconds later."""

    seconds: Annotated[float, Meta(ge=-366 * 86400, le=366 * 86400)]


class NextWeekday(_Named, frozen=True, kw_only=True, tag="next_weekday"):
    """A time on a weekend is moved to the next Monday."""


Adjustment = Add | NextWeekday
Filters = Annotated[list[Filter], Meta(max_length=50)]


class Schedule(_Strict, frozen=True, kw_only=True):
    """Clocks, which of their times count, and how these are moved."""

    clocks: Annotated[list[Clock], Meta(min_length=1, max_length=MOST_CLOCKS)]
    filters: Filters = []
    or_filters: Filters = []
    not_filters: Filters = []
    adjustments: Annotated[list[Adjustment], Meta(max_length=10)] = []


def checked(value: object) -> tuple[Schedule, str]:
    """The schedule in a decoded JSON value, and its text for a json column. Raises InvalidInput with the path."""
    text = to_json("schedule", value, limit=MAX_SCHEDULE_BYTES)
    schedule = decoded(text)
    for index, clock in enumerate(schedule.clocks):
        _check_clock(f"schedule.clocks[{index}]", clock)
    return schedule, text


def decoded(text: str) -> Schedule:
    """The schedule of a json column. Raises InvalidInput for one that this version cannot read."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput.field("schedule", str(error)) from error


_decoder = msgspec.json.Decoder(Schedule)


def _check_clock(path: str, clock: Clock) -> None:
    try:
        ZoneInfo(clock.timezone)
    except (KeyError, ValueError, OSError):
        raise InvalidInput.field(f"{path}.timezone", f"there is no time zone {clock.timezone[:100]!r}") from None
    if isinstance(clock, Cron):
        if len(clock.cron.split()) != 5:
            raise InvalidInput.field(f"{path}.cron", f"must have five fields; found {clock.cron!r}")
        try:
            CronSim(clock.cron, datetime(2020, 1, 1))
        except CronSimError as error:
            raise InvalidInput.field(f"{path}.cron", f"{clock.cron!r} cannot be read: {error}") from None
    if isinstance(clock, Rrule):
        _check_rrule(f"{path}.rrule", clock.rrule)


def _check_rrule(path: str, text: str) -> None:
    if "DTSTART" not in text.upper():
        raise InvalidInput.field(path, "needs a DTSTART line: without it, it would be counted from whenever it is read")
    try:
        found = rrulestr(text, ignoretz=True)
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput.field(path, f"cannot be read: {error}") from None
    rules = [found] if isinstance(found, rrule) else found._rrule
    if any(rule._freq >= MINUTELY for rule in rules):
        raise InvalidInput.field(path, "repeats within the hour", hint="use a cron or interval clock for that")
