"""Answers: what is kept by nobody, taken for nothing but its type, and JSON encoded by msgspec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

_ALWAYS: Final = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_encode = msgspec.json.Encoder().encode


class Answer(Response):
    """One whole answer of text or bytes."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Adds what every answer says."""
        super().init_headers(headers)
        self.raw_headers += _ALWAYS


class JSONAnswer(Answer):
    """One whole answer of anything that msgspec encodes."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The content as JSON."""
        return _encode(content)
