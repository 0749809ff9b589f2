"""Time zones of schedules: always by name, so that the other side of the wire knows their daylight-saving changes."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, available_timezones


def zone(name: str) -> ZoneInfo:
    """The zone of this name, as "Europe/Berlin"; raises ValueError for one that does not exist."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        near = difflib.get_close_matches(name, available_timezones(), 1)
        named = "Zones are named as in the IANA data base: 'UTC', 'Europe/Berlin', 'America/New_York'."
        raise ValueError(
            f"There is no time zone {name!r}. {f'Did you mean {near[0]!r}?' if near else named}"
        ) from error


def zone_name(moment: datetime | None) -> str | None:
    """The name of the zone that a date carries; None for one without a zone."""
    if moment is None or moment.tzinfo is None:
        return None
    return _name_of(moment.tzinfo, moment)


def aware(moment: datetime, default: str = "UTC") -> datetime:
    """The moment with a zone: its own, else the default (a date without one is taken to be in it).

    Raises TypeError for what is no datetime.
    """
    if not isinstance(moment, datetime):
        raise TypeError(f"A schedule's dates are datetimes; it was given {moment!r}.")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone(default))


def iso(moment: datetime) -> str:
    """The moment as the wire writes it."""
    return moment.astimezone(UTC).isoformat()


def _name_of(info: Any, moment: datetime) -> str:
    # zoneinfo says key, pytz says zone, pendulum says name.
    for attribute in ("key", "zone", "name"):
        name = getattr(info, attribute, None)
        if isinstance(name, str) and name[:1].isalpha():
            return zone(name).key
    return _of_offset(info, moment)


def _of_offset(info: tzinfo, moment: datetime) -> str:
    offset = info.utcoffset(moment) or timedelta(0)
    hours, rest = divmod(offset, timedelta(hours=1))
    if rest or not -12 <= hours <= 14:
        raise ValueError(
            f"The offset {offset} has no name, and a schedule needs a named time zone: give timezone='Europe/Berlin' "
            "or a date with zoneinfo.ZoneInfo(...)."
        )
    # The sign of these names is the reverse of everybody's.
    return "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"
