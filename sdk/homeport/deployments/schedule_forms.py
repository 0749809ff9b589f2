"""A deployment's schedule in its two forms: as a person writes it (`cron: 0 3 * * *`), and as clocks that are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from homeport.deployments.yaml_documents import Where

LONGEST = 10 * 366 * 86400
Written = Mapping[str, Any]


class WrongSchedule(ValueError):  # noqa: N818 - named for what happened
    """A clock cannot be: `where` is the way to it, in the written form."""

    def __init__(self, message: str, where: Where) -> None:
        super().__init__(message)
        self.where = where


def to_clocks(written: Written | Sequence[Written] | None) -> dict[str, Any] | None:
    """The schedule as it is sent; raises WrongSchedule that says which part cannot be read, and why."""
    if written is None:
        return None
    from homeport.schedules import Schedule

    several = list(written) if isinstance(written, Sequence) else [written]
    made = []
    for index, one in enumerate(several):
        where: Where = (index,) if isinstance(written, Sequence) else ()
        try:
            made.append(_clock(one))
        except (ValueError, TypeError, OverflowError, KeyError) as error:
            kind = next((kind for kind in ("cron", "interval", "rrule") if kind in one), "")
            about_zone = "zone" in str(error) and "timezone" in one
            raise WrongSchedule(str(error), (*where, "timezone" if about_zone else kind)) from None
    return Schedule(made).to_dict()


def _clock(one: Written) -> Any:
    from homeport.schedules.clocks import CronClock, IntervalClock, RRuleClock

    zone, parameters = one.get("timezone", "UTC"), one.get("parameters") or None
    if "cron" in one:
        return CronClock(one["cron"], parameter_defaults=parameters, day_or=one.get("day_or", True), timezone=zone)
    if "interval" in one:
        if not 1 <= one["interval"] <= LONGEST:
            raise ValueError(f"An interval is between a second and ten years; it was given {one['interval']} seconds.")
        anchor = one.get("anchor_date")
        given = datetime.fromisoformat(anchor) if isinstance(anchor, str) else anchor
        return IntervalClock(one["interval"], parameter_defaults=parameters, anchor_date=given, timezone=zone)
    clock = RRuleClock(one["rrule"], parameter_defaults=parameters, timezone=zone)
    # That the text can be read says nothing yet about its parts: the first dates do.
    from datetime import UTC

    next(clock.moments(datetime(2020, 1, 1, tzinfo=UTC)), None)
    return clock


def from_clocks(sent: Mapping[str, Any] | None) -> Any:
    """The written form of a schedule of clocks alone; raises ValueError for one with filters or adjustments."""
    if sent is None:
        return None
    if set(sent) - {"clocks"}:
        raise ValueError("filters and adjustments of a schedule can only be said in the flow's code")
    written = [_written(clock) for clock in sent["clocks"]]
    return written[0] if len(written) == 1 else written


def _written(clock: Mapping[str, Any]) -> dict[str, Any]:
    if clock["type"] not in ("cron", "interval", "rrule") or {"start", "end", "labels"} & set(clock):
        raise ValueError("dates, bounds and labels of a clock can only be said in the flow's code")
    said: dict[str, Any] = {}
    if clock["type"] == "interval":
        said |= {"interval": clock["seconds"], "anchor_date": clock["anchor"]}
    else:
        said[clock["type"]] = clock[clock["type"]]
    said["timezone"] = clock.get("timezone", "UTC")
    said |= {"day_or": False} if clock.get("day_or") is False else {}
    return said | ({"parameters": clock["parameters"]} if clock.get("parameters") else {})
