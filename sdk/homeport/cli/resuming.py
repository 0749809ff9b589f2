"""`homeport flow-run resume`: what a paused run is given, as a command line says it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from homeport.cli import parameters
from homeport.cli.session import Session


def given_input(
    session: Session,
    run_id: str,
    pairs: Sequence[str],
    text: str | None,
    file: Path | None,
    key: str | None,
) -> dict[str, Any] | None:
    """The input of a resume; None if nothing was said. A value for a text field is the text as it was typed."""
    if (text is not None) + (file is not None) + bool(pairs) > 1:
        raise click.UsageError(
            "--input, --input-json and --input-file are three ways to say the same: use one of them."
        )
    if text is not None:
        return _object(text)
    if file is not None:
        return parameters.parse((), file)
    if not pairs:
        return None
    given = parameters.parse(pairs, None, option="--input")
    texts = _text_fields(session, run_id, key)
    for pair in pairs:
        name, _, typed = pair.partition("=")
        if name.strip() in texts:
            given[name.strip()] = typed
    return given


def asked_fields(schema: Mapping[str, Any] | None) -> list[str]:
    """`name (string)`, `count (integer, default 1)`: what an input schema asks for."""
    if schema is None:
        return []
    required = schema.get("required", ())
    return [_described(name, field, name in required) for name, field in schema.get("properties", {}).items()]


def _described(name: str, field: Any, required: bool) -> str:
    kind = _kind(field)
    if required or not isinstance(field, Mapping):
        return f"{name} ({kind})"
    return f"{name} ({kind}, default {json.dumps(field.get('default'))})"


def _kind(field: Any) -> str:
    if not isinstance(field, Mapping):
        return "JSON"
    if "enum" in field:
        return " or ".join(map(str, field["enum"]))
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    return str(field.get("format") or field.get("type") or "JSON")


def _text_fields(session: Session, run_id: str, key: str | None) -> set[str]:
    """The fields of the open pauses that can be nothing but text."""
    run = session.execute("flowRunPauses", {"id": run_id})["flowRun"] or {"pauses": []}
    found = set()
    for pause in run["pauses"]:
        if pause["outcome"] is None and key in (None, pause["key"]) and pause["inputSchema"]:
            for name, field in pause["inputSchema"].get("properties", {}).items():
                if isinstance(field, Mapping) and field.get("type") == "string":
                    found.add(name)
    return found


def _object(text: str) -> dict[str, Any]:
    hint = """\nhint: It looks like '{"name": "world"}'"""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--input-json is not JSON: {error}.{hint}") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"--input-json holds no JSON object.{hint}")
    return found
