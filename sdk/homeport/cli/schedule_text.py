"""A deployment's schedule in one line of words."""

from __future__ import annotations

from typing import Any

from homeport.cli.printing import Node

_PARTS = {"cron": "cron", "rrule": "rrule"}


def schedule_text(deployment: Node) -> str:
    """`0 9 * * 1-5 Europe/Berlin (is_weekday)`; `paused: ...` where it makes no runs; empty without one."""
    schedule = deployment["schedule"]
    if schedule is None:
        return ""
    text = ", ".join(_clock(clock) for clock in schedule["clocks"])
    named = [f["name"] for part in ("filters", "or_filters", "adjustments") for f in schedule.get(part, ())]
    named += [f"not {f['name']}" for f in schedule.get("not_filters", ())]
    text += f" ({', '.join(named)})" if named else ""
    return text if deployment["scheduleActive"] else f"paused: {text}"


def _clock(clock: dict[str, Any]) -> str:
    zone = "" if clock.get("timezone", "UTC") == "UTC" else f" {clock['timezone']}"
    if clock["type"] == "interval":
        return f"every {clock['seconds']:g} s{zone}"
    if clock["type"] == "dates":
        return f"{len(clock['dates'])} dates"
    return f"{clock[_PARTS[clock['type']]].splitlines()[-1].removeprefix('RRULE:')}{zone}"
