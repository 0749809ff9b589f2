"""Artifacts: links, Markdown, tables and images that a run shows to people. Those with a key have versions.

What is small and text is metadata at the control plane. Images, and texts and tables that are not small, are kept in
the storage of the run's results, and the control plane gets a reference (stored_artifacts.py).

Of a run that the control plane does not know they are kept with the run: its reporter gets them, and its log says so.
Each function can be awaited in async code.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from homeport.client.outcomes import expect
from homeport.engine import current
from homeport.engine.asking_home import KEEP
from homeport.engine.ids import new_id
from homeport.run_logging import MissingContextError, logger_here
from homeport.runtime.connection import ask, recorded_run_id, uuid_awaited_in_async

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.stored_artifacts import ArtifactTooLarge as ArtifactTooLarge
    from homeport.stored_artifacts import Content

MAX_BYTES = 256 * 1024

__all__ = [
    "create_image_artifact",
    "create_link_artifact",
    "create_markdown_artifact",
    "create_table_artifact",
]


if not TYPE_CHECKING:  # a checker would take any name for one that is there

    def __getattr__(name: str) -> Any:
        if name != "ArtifactTooLarge":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from homeport.stored_artifacts import ArtifactTooLarge  # with all that keeping bytes needs

        return ArtifactTooLarge


@uuid_awaited_in_async
def create_link_artifact(
    link: str, link_text: str | None = None, key: str | None = None, description: str | None = None
) -> UUID:
    """Show a link; the artifact's id.

    Raises ArtifactTooLarge, MissingContextError outside a run, ClientError, and StorageError for what is kept.
    """
    data = {"link": link} | ({"link_text": link_text} if link_text is not None else {})
    return create("LINK", data, key, description)


@uuid_awaited_in_async
def create_markdown_artifact(markdown: str, key: str | None = None, description: str | None = None) -> UUID:
    """Show a text in Markdown; the artifact's id. Raises as `create_link_artifact`."""
    return create("MARKDOWN", {"markdown": markdown}, key, description)


@uuid_awaited_in_async
def create_table_artifact(
    table: Sequence[Mapping[str, Any]] | Sequence[Sequence[Any]] | Mapping[str, Sequence[Any]],
    key: str | None = None,
    description: str | None = None,
) -> UUID:
    """Show a table: a list of dicts, a list of lists, or a dict of columns; the artifact's id. Raises as the others."""
    return create("TABLE", {"table": _rows(table)}, key, description)


@uuid_awaited_in_async
def create_image_artifact(
    image_url: str | None = None,
    key: str | None = None,
    description: str | None = None,
    *,
    image_path: str | Path | None = None,
    image: object = None,
) -> UUID:
    """Show an image; the artifact's id. Raises as the others, and TypeError or ValueError for what is no image.

    `image_url` is an address that the reader's browser can open. `image_path` is a file, and `image` is bytes (PNG,
    JPEG, GIF, WebP, SVG), a figure of matplotlib, an image of PIL or whatever a notebook shows as an image: these are
    kept in the storage of the run's results, at most 16 MiB; `homeport artifact download` fetches them from there.
    """
    offered = {"image_url": image_url, "image_path": image_path, "image": image}
    given = [name for name, value in offered.items() if value is not None]
    if len(given) != 1:
        raise TypeError(
            f"An image artifact is made of one of image_url, image_path and image; it was given {given or None}."
        )
    if image_url is not None:
        return create("IMAGE", {"image_url": image_url}, key, description)
    from homeport import stored_artifacts

    return create("IMAGE", {}, key, description, stored_artifacts.image(image_path, image))


def create(
    kind: str,
    data: dict[str, Any],
    key: str | None = None,
    description: str | None = None,
    content: Content | None = None,
) -> UUID:
    """An artifact of this kind, of the run that this code belongs to; its id. `content` is kept in storage.

    Raises MissingContextError outside a run, ArtifactTooLarge (of a link beyond 256 KiB), ClientError, StorageError.
    """
    size = _size(kind, data)
    if size > MAX_BYTES:
        from homeport import stored_artifacts

        if kind not in ("MARKDOWN", "TABLE"):
            raise stored_artifacts.ArtifactTooLarge(
                f"The {kind.lower()} artifact {key or ''!r} has {size:,} bytes, more than the limit of {MAX_BYTES:,}."
            )
        data, content = {}, stored_artifacts.text(kind, data)
    run, task_run = current.flow_run.get(), current.task_run.get()
    if run is None:
        raise MissingContextError(
            "There is no flow run here, and an artifact belongs to one: create it in a flow or task while it runs."
        )
    if recorded_run_id() is None:
        return _keep_here(run, kind, data, key, description, content)
    if content is not None:
        data = _stored(run, content)
    asked = {
        "kind": kind,
        "data": data,
        "key": key,
        "description": description,
        "taskRunId": None if task_run is None else str(task_run.id),
    }
    made = expect(ask("createArtifact", {"input": asked})["createArtifact"], "ArtifactCreated")
    return UUID(made["artifact"]["id"])


def _stored(run: FlowRun, content: Content) -> dict[str, Any]:
    id, root = new_id(), run.root
    if root.asks is not None:  # in a worker: only the process of the run knows where its results are kept
        told = {"id": str(id), "content": base64.b64encode(content.data).decode(), "mediaType": content.media_type}
        return root.asks(KEEP, told, 0.0)
    from homeport import stored_artifacts

    return stored_artifacts.keep(run, id, content)


def _keep_here(
    run: FlowRun, kind: str, data: dict[str, Any], key: str | None, description: str | None, content: Content | None
) -> UUID:
    id = new_id()
    first = str(next(iter(data.values()))) if content is None else f"{content.media_type}, {len(content.data):,} bytes"
    told: dict[str, Any] = {"kind": kind, "data": data, "key": key, "description": description}
    tell = getattr(run.reporter, "artifact", None)
    if getattr(run.reporter, "is_in_worker", False):
        told["content"] = content  # kept by the process of the run
    elif content is not None:
        from homeport import stored_artifacts

        told["data"] = stored_artifacts.keep(run, id, content)
        first += f", in {told['data']['stored']['key']}"
    if tell is not None:
        tell(id, **told)
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
    try:
        return [dict(row) if isinstance(row, Mapping) else list(row) for row in table]
    except TypeError as error:
        raise TypeError(
            f"A table artifact is a list of dicts, a list of lists, or a dict of columns; it was given "
            f"{type(table).__name__} ({error})."
        ) from None
