"""Tables as Parquet or Arrow files: of pandas, polars and pyarrow; each is read back as what it was."""

from __future__ import annotations

from typing import IO, Any

from homeport.results.errors import ResultOptionError
from homeport.serializers import StreamSerializer

OF = b"homeport.table_of"


class TableSerializer(StreamSerializer):
    """The half that both formats share."""

    def __init__(self) -> None:
        self._arrow()

    def libraries(self) -> dict[str, str]:
        """The version of pyarrow."""
        return {"pyarrow": self._arrow().__version__}

    @staticmethod
    def _arrow() -> Any:
        try:
            import pyarrow
        except ImportError:
            raise ResultOptionError(
                "The serializers 'parquet' and 'arrow' need pyarrow: pip install 'homeport[parquet]', where the flow "
                "runs and where its results are read."
            ) from None
        return pyarrow

    def _table(self, value: Any) -> Any:
        arrow = self._arrow()
        kind = type(value).__module__.partition(".")[0]
        if isinstance(value, arrow.Table):
            table, kind = value, "pyarrow"
        elif kind == "pandas" and type(value).__name__ == "DataFrame":
            table = arrow.Table.from_pandas(value)
        elif kind == "polars" and type(value).__name__ == "DataFrame":
            table = value.to_arrow()
        else:
            raise TypeError(
                f"{type(value).__module__}.{type(value).__qualname__} is no table: it takes a DataFrame of pandas or "
                f"polars, or a pyarrow.Table"
            )
        return table.replace_schema_metadata({**(table.schema.metadata or {}), OF: kind.encode()})

    def _as_it_was(self, table: Any) -> Any:
        metadata = dict(table.schema.metadata or {})
        kind = metadata.pop(OF, b"pyarrow").decode()
        table = table.replace_schema_metadata(metadata or None)
        if kind == "pandas":
            return table.to_pandas()
        if kind == "polars":
            import polars

            return polars.from_arrow(table)
        return table


class ParquetSerializer(TableSerializer):
    """Parquet: small, and read by everything."""

    name = "parquet"

    def dump(self, value: Any, into: IO[bytes]) -> None:
        """Write a table."""
        from pyarrow import parquet

        parquet.write_table(self._table(value), into)

    def load(self, source: IO[bytes]) -> Any:
        """Read a table."""
        from pyarrow import parquet

        return self._as_it_was(parquet.read_table(source))


class ArrowSerializer(TableSerializer):
    """The Arrow IPC format (Feather): larger, and quicker to read."""

    name = "arrow"

    def dump(self, value: Any, into: IO[bytes]) -> None:
        """Write a table."""
        table = self._table(value)
        with self._arrow().ipc.new_file(into, table.schema) as writer:
            writer.write_table(table)

    def load(self, source: IO[bytes]) -> Any:
        """Read a table."""
        with self._arrow().ipc.open_file(source) as reader:
            return self._as_it_was(reader.read_all())
