"""How states look: a colour for each type, and which of them are final."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
TYPES = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_COLOURS = {
    "SCHEDULED": "yellow",
    "PENDING": "yellow",
    "RUNNING": "blue",
    "PAUSED": "magenta",
    "CANCELLING": "magenta",
    "COMPLETED": "green",
    "FAILED": "red",
    "CRASHED": "red",
    "CANCELLED": "magenta",
}


def colour(state: Mapping[str, Any]) -> str | None:
    """The colour of a state's type."""
    return _COLOURS.get(str(state["type"]))


def styled(state: Mapping[str, Any]) -> str:
    """The state's name in its colour."""
    return click.style(str(state["name"]), fg=colour(state), bold=True)
