"""Parameters as a command line gives them: `--param name=value` and a file of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click


def parse(pairs: Sequence[str], file: Path | None, *, option: str = "--param") -> dict[str, Any]:
    """The parameters: those of the file, then those of the pairs. A value is JSON if it parses as JSON, else text."""
    parameters = _read(file) if file is not None else {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            hint = f"{option} name=world    or: {option} 'ids=[1, 2]'"
            raise click.UsageError(f"{pair!r} is not NAME=VALUE.\nhint: {hint}")
        parameters[name.strip()] = value_of(value)
    return parameters


def parse_all(pairs: Sequence[str], document: str | None) -> dict[str, Any]:
    """The parameters: those of a JSON object, then those of the pairs."""
    given = value_of(document) if document is not None else {}
    if not isinstance(given, dict):
        raise click.UsageError('--params is no JSON object.\nhint: It looks like {"name": "world"}')
    return given | parse(pairs, None)


def as_pairs(document: str | None) -> list[str]:
    """The members of a JSON object as `NAME=VALUE` each, in which they keep their types."""
    return [f"{name}={json.dumps(value)}" for name, value in parse_all((), document).items()]


def value_of(text: str) -> Any:
    """The value that a person typed: JSON if it parses as JSON, else the text itself."""
    try:
        # NaN and Infinity are what Python's parser takes beyond JSON; they stay the words they are.
        return json.loads(text, parse_constant=lambda word: word)
    except (ValueError, RecursionError):
        return text


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{file} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise click.UsageError(f'{file} holds no JSON object.\nhint: It looks like {{"name": "world"}}')
    return found
