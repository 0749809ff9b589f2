"""What an artifact shows that is no small text: bytes in the customer's result storage, and a reference to them.

The control plane gets the reference (where, how large, which digest, of which type), and never the bytes. They lie
there as they are, under a name with an ending, so that any program opens them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from homeport.results import documents
from homeport.results.storages import open_reference, opened
from homeport.serializers import Serializer

if TYPE_CHECKING:
    from uuid import UUID

    from homeport.engine.flow_runs import FlowRun

MAX_BYTES = 16 * 1024 * 1024
"""More than anybody looks at. Data are results."""

ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
    "text/markdown": ".md",
    "application/json": ".json",
}


class ArtifactTooLarge(ValueError):  # noqa: N818 - named for what is the case
    """It is larger than an artifact may be."""


class Content(NamedTuple):
    """Bytes to show, and their media type."""

    data: bytes
    media_type: str

    def checked(self, what: str) -> Content:
        """The same. Raises ArtifactTooLarge."""
        if len(self.data) > MAX_BYTES:
            raise ArtifactTooLarge(
                f"{what} has {len(self.data):,} bytes, more than the limit of {MAX_BYTES:,}: artifacts are looked at "
                "by people. Store it where it belongs (a task may return it and keep its result), and show a link."
            )
        return self


def image(path: str | Path | None, shown: object) -> Content:
    """The bytes of an image: of a file, or of bytes, a figure of matplotlib, an image of PIL, or what notebooks show.

    Raises TypeError for what is none of these, ValueError for bytes that are no image of a known format,
    ArtifactTooLarge, and OSError for a file that cannot be read.
    """
    if path is not None:
        size = Path(path).stat().st_size
        if size > MAX_BYTES:
            raise ArtifactTooLarge(f"The image {path} has {size:,} bytes, more than the limit of {MAX_BYTES:,}.")
        data, what = Path(path).read_bytes(), f"The image {path}"
    else:
        data, what = _drawn(shown), f"The image, a {type(shown).__name__},"
    return Content(data, _image_type(data, what)).checked(what)


def keep(run: FlowRun, id: UUID, content: Content) -> dict[str, Any]:
    """Keep the content in the storage of the run's results; the data of the artifact that shows it.

    Raises StorageError, and ResultOptionError for a storage that cannot keep results.
    """
    of = f"an artifact of flow {run.flow.name!r}"
    options = run.keeps
    storage = opened(None if options is None else options.storage, of=of)
    key = f"artifacts/{run.root.info.id}/{id}{ENDINGS[content.media_type]}"
    now = datetime.now(UTC)
    reference = documents.write(storage, key, content.data, _AsItIs(), of=of, limit=0, now=now, plain=True)
    return {"stored": reference, "mediaType": content.media_type}


def read(data: Mapping[str, Any]) -> bytes:
    """The bytes that an artifact with these data shows, from anywhere that reaches the storage.

    Raises ValueError for one that is not stored, ResultMissing, ResultDamaged, and StorageError.
    """
    reference = data.get("stored")
    if not isinstance(reference, Mapping):
        raise ValueError("This artifact is not in storage: its data are what it shows.")  # noqa: TRY004 - of its value
    storage = open_reference(reference.get("storage") or {"kind": reference["kind"]}, of="the artifact")
    content: bytes = documents.read(
        storage, reference["key"], of="the artifact", serializer=_AsItIs(), sha256=reference["sha256"]
    )
    return content


def text(kind: str, data: Mapping[str, Any]) -> Content:
    """A text or a table that is too large to be metadata, as a file."""
    if kind == "MARKDOWN":
        return Content(str(data["markdown"]).encode(), "text/markdown").checked("The Markdown artifact")
    rows = json.dumps(data["table"], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Content(rows.encode(), "application/json").checked("The table artifact")


def _drawn(shown: Any) -> bytes:
    if isinstance(shown, bytes | bytearray | memoryview):
        return bytes(shown)
    buffer = BytesIO()
    if hasattr(shown, "savefig"):  # a figure of matplotlib
        shown.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()
    if hasattr(shown, "save") and hasattr(shown, "getbands"):  # an image of PIL
        shown.save(buffer, format="PNG")
        return buffer.getvalue()
    drawn = getattr(shown, "_repr_png_", lambda: None)()
    if drawn is not None:
        return base64.b64decode(drawn) if isinstance(drawn, str) else bytes(drawn)
    drawn = getattr(shown, "_repr_svg_", lambda: None)()
    if drawn is not None:
        return str(drawn).encode()
    raise TypeError(
        f"image is bytes, a figure of matplotlib, an image of PIL, or an object that a notebook shows as an image; it "
        f"was given {type(shown).__module__}.{type(shown).__qualname__}. Give image_path for a file."
    )


def _image_type(data: bytes, what: str) -> str:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    begin = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith((b"<svg", b"<?xml", b"<!")) and b"<svg" in data[:4096]:
        return "image/svg+xml"
    raise ValueError(f"{what} is no PNG, JPEG, GIF, WebP or SVG; it begins with {data[:12]!r}.")


class _AsItIs(Serializer):
    """Bytes."""

    name = "bytes"

    def dumps(self, value: Any) -> bytes:
        """They."""
        return bytes(value)

    def loads(self, data: bytes) -> Any:
        """They."""
        return data
