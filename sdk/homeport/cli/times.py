"""Times and durations as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def parse(value: str) -> datetime:
    """A time of the API: ISO 8601 in UTC."""
    return datetime.fromisoformat(value.replace("Z", "+00:00"))


def local(value: str | None) -> str:
    """A time of the API in this machine's zone, to the second."""
    return parse(value).astimezone().strftime("%Y-%m-%d %H:%M:%S") if value else ""


def clock(value: str) -> str:
    """The time of day of a time of the API in this machine's zone, to the millisecond."""
    return parse(value).astimezone().strftime("%H:%M:%S.%f")[:-3]


def ago(value: str | None, now: datetime | None = None) -> str:
    """How long ago, or in how long: `3m ago`, `in 2h`."""
    if not value:
        return ""
    seconds = ((now or datetime.now(UTC)) - parse(value)).total_seconds()
    return f"in {duration(-seconds)}" if seconds < -1 else f"{duration(max(seconds, 0))} ago"


def between(start: str | None, end: str | None) -> str:
    """The duration from one time of the API to another; empty when one is missing."""
    return duration((parse(end) - parse(start)).total_seconds()) if start and end else ""


def duration(seconds: float) -> str:
    """`0.42s`, `12s`, `3m 20s`, `2h 5m`, `4d 3h`."""
    if seconds < 10:
        return f"{max(seconds, 0):.2f}s"
    whole = int(seconds)
    for size, unit, smaller_size, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size}{unit} {rest}{smaller}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def moment(text: str, now: datetime | None = None) -> datetime:
    """A time that a person typed: ISO 8601 (local unless it names a zone), or an age such as `10m`, `2h`, `1d`.

    Raises ValueError that says what was expected.
    """
    now = now or datetime.now(UTC)
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    number, unit = text[:-1], text[-1:]
    if unit in units and number.replace(".", "", 1).isdigit():
        return now - timedelta(**{units[unit]: float(number)})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a time such as 2026-11-21T09:30 nor an age such as 10m or 2h") from None
    return found.astimezone(UTC)


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without a zone is taken as local."""
    return moment.astimezone(UTC)
