"""The options that say when runs are due: those of 2.4, and the schedule that they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option("--cron", metavar="EXPRESSION", help='Times of a cron expression: "0 3 * * *".'),
    click.option("--interval", type=float, metavar="SECONDS", help="Every so many seconds."),
    click.option("--anchor-date", metavar="WHEN", help="What an interval is counted from: 2026-01-01T09:00:00."),
    click.option("--rrule", metavar="RULE", help='The dates of an RRULE: "FREQ=DAILY;BYHOUR=9".'),
    click.option("--timezone", metavar="ZONE", help="Whose wall clock counts: Europe/Berlin; UTC unless given."),
    click.option(
        "--day-or", "--day_or", "day_or", type=bool, default=None, metavar="true|false",
        help="Of cron: whether day and weekday, where both are given, need only one to match.",
    ),
)  # fmt: skip


_EXAMPLES = {
    "--cron": '--cron "0 6 * * 1-5": at six on weekdays (minute, hour, day, month, weekday)',
    "--interval": "--interval 3600: every hour",
    "--rrule": '--rrule "FREQ=DAILY;BYHOUR=9": every day at nine',
    "--timezone": "--timezone Europe/Berlin",
}


def schedule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that sets a schedule."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def schedule_given(given: dict[str, Any]) -> dict[str, Any] | None:
    """The schedule in its written form, taken out of the options; None where there is none. Raises UsageError."""
    said = {name: given.pop(name) for name in ("cron", "interval", "rrule", "anchor_date", "timezone", "day_or")}
    said = {name: value for name, value in said.items() if value is not None}
    kinds = [kind for kind in ("cron", "interval", "rrule") if kind in said]
    if len(kinds) > 1:
        raise click.UsageError(f"--{kinds[0]} and --{kinds[1]} both say when runs are due.\nhint: Give one of them.")
    if not kinds and said:
        option = next(iter(said)).replace("_", "-")
        raise click.UsageError(f"--{option} says nothing by itself.\nhint: Add --cron, --interval or --rrule.")
    if "anchor_date" in said and kinds != ["interval"]:
        raise click.UsageError(f"--anchor-date goes with --interval, not with --{kinds[0]}.")
    if "day_or" in said and kinds != ["cron"]:
        raise click.UsageError(f"--day-or goes with --cron, not with --{kinds[0]}.")
    if not kinds:
        return None
    from homeport.deployments.schedule_forms import WrongSchedule, to_clocks

    try:
        to_clocks(said)
    except WrongSchedule as error:
        option = f"--{error.where[-1]}".replace("_", "-")
        raise click.UsageError(f"{option}: {error}\nhint: {_EXAMPLES.get(option, 'see --help')}") from None
    return said
