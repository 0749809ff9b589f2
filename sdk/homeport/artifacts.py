"""Artifacts: links, Markdown, tables and images that a run shows to people. Those with a key have versions.

Of a run that the control plane does not know they are kept with the run: its reporter gets them, and its log says so.
Each function can be awaited in async code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from homeport.client.outcomes import expect
from homeport.engine import current
from homeport.engine.ids import new_id
from homeport.run_logging import MissingContextError, logger_here
from homeport.runtime.connection import ask, awaited_in_async, recorded_run_id

MAX_BYTES = 256 * 1024

__all__ = [
    "create_image_artifact",
    "create_link_artifact",
    "create_markdown_artifact",
    "create_table_artifact",
]


class ArtifactTooLarge(ValueError):  # noqa: N818 - named for what is the case
    """An artifact is metadata, and this one is larger than those may be."""


@awaited_in_async
def create_link_artifact(
    link: str, link_text: str | None = None, key: str | None = None, description: str | None = None
) -> UUID:
    """Show a link; the artifact's id. Raises ArtifactTooLarge, MissingContextError outside a run, ClientError."""
    data = {"link": link} | ({"link_text": link_text} if link_text is not None else {})
    return create("LINK", data, key, description)


@awaited_in_async
def create_markdown_artifact(markdown: str, key: str | None = None, description: str | None = None) -> UUID:
    """Show a text in Markdown; the artifact's id. Raises as `create_link_artifact`."""
    return create("MARKDOWN", {"markdown": markdown}, key, description)


@awaited_in_async
def create_table_artifact(
    table: Sequence[Mapping[str, Any]] | Sequence[Sequence[Any]] | Mapping[str, Sequence[Any]],
    key: str | None = None,
    description: str | None = None,
) -> UUID:
    """Show a table: a list of dicts, a list of lists, or a dict of columns; the artifact's id. Raises as the others."""
    return create("TABLE", {"table": _rows(table)}, key, description)


@awaited_in_async
def create_image_artifact(image_url: str, key: str | None = None, description: str | None = None) -> UUID:
    """Show the image at an address that the reader's browser can open; the artifact's id. Raises as the others."""
    return create("IMAGE", {"image_url": image_url}, key, description)


def create(kind: str, data: dict[str, Any], key: str | None = None, description: str | None = None) -> UUID:
    """An artifact of this kind, of the run that this code belongs to; its id."""
    size = _size(kind, data)
    if size > MAX_BYTES:
        raise ArtifactTooLarge(
            f"The {kind.lower()} artifact {key or ''!r} has {size:,} bytes, more than the limit of {MAX_BYTES:,}: "
            "artifacts are shown by the control plane. Store the data where they belong and show a link to them."
        )
    run, task_run = current.flow_run.get(), current.task_run.get()
    if run is None:
        raise MissingContextError(
            "There is no flow run here, and an artifact belongs to one: create it in a flow or task while it runs."
        )
    if recorded_run_id() is None:
        return _keep_here(run, kind, data, key, description)
    asked = {
        "kind": kind,
        "data": data,
        "key": key,
        "description": description,
        "taskRunId": None if task_run is None else str(task_run.id),
    }
    made = expect(ask("createArtifact", {"input": asked})["createArtifact"], "ArtifactCreated")
    return UUID(made["artifact"]["id"])


def _keep_here(run: Any, kind: str, data: dict[str, Any], key: str | None, description: str | None) -> UUID:
    id = new_id()
    keep = getattr(run.reporter, "artifact", None)
    if keep is not None:
        keep(id, kind=kind, data=data, key=key, description=description)
    first = str(next(iter(data.values())))
    logger_here("artifacts").info(
        "Artifact %s%s: %s",
        kind.lower(),
        f" {key!r}" if key else "",
        first if len(first) < 500 else f"{first[:500]}...",
    )
    return id


def _size(kind: str, data: dict[str, Any]) -> int:
    try:
        return len(json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"The {kind.lower()} artifact cannot be shown: {error}. Its values are JSON: convert dates and numbers of "
            "other libraries with str(...) or float(...)."
        ) from error


def _rows(table: Any) -> list[Any]:
    if isinstance(table, Mapping):
        columns = {str(name): list(values) for name, values in table.items()}
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"The columns of a table artifact have different lengths: {lengths}.")
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [dict(row) if isinstance(row, Mapping) else list(row) for row in table]
