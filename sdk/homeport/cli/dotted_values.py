"""Values at dotted keys, as `--override env.LEVEL=debug` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from homeport.cli.parameters import value_of


def parse(pairs: Sequence[str]) -> dict[str, Any]:
    """The mapping that they make; raises UsageError. Below `env`, everything is text."""
    made: dict[str, Any] = {}
    for pair in pairs:
        keys, equals, value = pair.partition("=")
        parts = keys.strip().split(".", 1) if keys.strip().startswith("env.") else keys.strip().split(".")
        if not equals or not all(parts):
            raise click.UsageError(
                f"{keys!r} is not KEY=VALUE.\nhint: --override env.LEVEL=debug    or: --override image=..."
            )
        here = made
        for part in parts[:-1]:
            here = here.setdefault(part, {})
            if not isinstance(here, dict):
                raise click.UsageError(f"{keys!r} stands below a value that was given before.")
        here[parts[-1]] = value if parts[0] == "env" else value_of(value)
    return made
