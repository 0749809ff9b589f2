"""The 1.x path of serializers, and the two that only 1.x has."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from homeport.results.errors import ResultOptionError
from homeport.serializers import CompressedSerializer, JSONSerializer, PickleSerializer, Serializer

__all__ = [
    "CompressedSerializer",
    "DateTimeSerializer",
    "JSONSerializer",
    "PandasSerializer",
    "PickleSerializer",
    "Serializer",
]


class DateTimeSerializer(Serializer):
    """A datetime as ISO 8601."""

    name = "datetime"

    def serialize(self, value: Any) -> bytes:
        """The text."""
        if not isinstance(value, datetime):
            raise TypeError(f"it takes a datetime, not {type(value).__name__}")
        return value.isoformat().encode()

    def deserialize(self, value: bytes) -> Any:
        """The datetime."""
        return datetime.fromisoformat(value.decode())


class PandasSerializer(Serializer):
    """A pandas DataFrame in one of the formats that pandas reads and writes: csv, parquet, json, feather, ..."""

    def __init__(
        self,
        file_type: str,
        deserialize_kwargs: dict[str, Any] | None = None,
        serialize_kwargs: dict[str, Any] | None = None,
    ) -> None:
        try:
            import pandas
        except ImportError:
            raise ResultOptionError("PandasSerializer needs pandas: pip install pandas.") from None
        if not hasattr(pandas, f"read_{file_type}") or not hasattr(pandas.DataFrame, f"to_{file_type}"):
            raise ResultOptionError(f"PandasSerializer(file_type={file_type!r}): pandas has no such format.")
        self.name = f"pandas-{file_type}"
        self.file_type = file_type
        self.deserialize_kwargs = deserialize_kwargs or {}
        self.serialize_kwargs = serialize_kwargs or {}

    def serialize(self, value: Any) -> bytes:
        """The file's bytes."""
        write = getattr(value, f"to_{self.file_type}", None)
        if write is None:
            raise TypeError(f"it takes a pandas DataFrame, not {type(value).__name__}")
        buffer: Any = io.StringIO() if self.file_type in _TEXT else io.BytesIO()
        write(buffer, **self.serialize_kwargs)
        written = buffer.getvalue()
        return written.encode() if isinstance(written, str) else written

    def deserialize(self, value: bytes) -> Any:
        """The DataFrame."""
        import pandas

        return getattr(pandas, f"read_{self.file_type}")(io.BytesIO(value), **self.deserialize_kwargs)


_TEXT = frozenset({"csv", "json", "html", "xml"})
