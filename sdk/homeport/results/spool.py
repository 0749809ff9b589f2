"""Where a value is serialized to before it is kept, and read to before it is understood: counted, hashed, bounded.

Small ones stay in memory, large ones lie in an unnamed temporary file; so no second copy of a large result is held, the
storage is not touched before the whole of it could be written, and nothing is understood before its digest is right.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from homeport.results.errors import ResultTooLarge

IN_MEMORY = 8 * 1024 * 1024
CHUNK = 1024 * 1024


class Spool(io.RawIOBase):
    """A file to write to once and read once. Raises ResultTooLarge above `limit` bytes (0: no limit)."""

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._hash = hashlib.sha256()
        self._file: IO[bytes] = io.BytesIO()
        self._in_memory = True
        self.size = 0

    def write(self, data: Any) -> int:
        """Append the bytes."""
        with memoryview(data) as view:
            count = view.nbytes
            self.expect(count)
            self.size += count
            if self._in_memory and self.size > IN_MEMORY:
                self._move_to_disk()
            self._hash.update(view)
            self._file.write(view)
        return count

    def expect(self, count: int) -> None:
        """Raises ResultTooLarge, with what there is and what there may be, if so many more bytes are too many."""
        if self._limit and self.size + count > self._limit:
            raise ResultTooLarge(f"has at least {self.size + count:,} bytes, more than the {self._limit:,} it may have")

    @property
    def sha256(self) -> str:
        """The digest of what was written so far."""
        return self._hash.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        """What was written, in pieces."""
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk

    def rewound(self) -> IO[bytes]:
        """What was written, as a file to read from its beginning."""
        self._file.seek(0)
        return self._file

    def writable(self) -> bool:
        """True."""
        return True

    def close(self) -> None:
        """Let go of the memory or the file."""
        self._file.close()
        super().close()

    def _move_to_disk(self) -> None:
        file = tempfile.TemporaryFile(prefix="homeport-result-")  # noqa: SIM115 - closed with this one
        file.write(self._file.getbuffer())  # type: ignore[attr-defined]
        self._file, self._in_memory = file, False
