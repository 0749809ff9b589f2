"""Code and results in a bucket of Google Cloud Storage."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from google.api_core.exceptions import GoogleAPICallError, NotFound, RequestRangeNotSatisfiable, RetryError
from google.auth.exceptions import GoogleAuthError
from requests.exceptions import RequestException

from homeport_storage.gcs_errors import explained
from homeport_storage.gcs_fields import GcsFields
from homeport_storage.object_storage import ObjectStorage
from homeport_storage.parts import MIB, beginning, parts_of, then

PIECE = 2 * MIB


class GcsStorage(ObjectStorage[GcsFields]):
    """A bucket, or what lies below a prefix in it."""

    kind: ClassVar[str] = "gcs"
    block_fields = GcsFields
    once: ClassVar[Mapping[str, Any]] = {"retry_seconds": 0}

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        endpoint = self._fields.endpoint
        return f"gs://{self._below(self._fields.bucket)}" + (f" at {endpoint}" if endpoint else "")

    def size(self, key: str) -> int | None:
        """How many bytes are kept under the key; None when there is nothing."""
        with self._explained("look into"):
            blob = self._blob(key)
            try:
                blob.reload(**self._how())
            except NotFound:
                return None
            return int(blob.size)

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks under the key: in one request, or by a resumable upload, which is nothing until it ends."""
        first, rest = beginning(chunks, self._fields.part_size)
        with self._explained("write to"):
            blob = self._blob(key)
        if rest is None:
            with self._explained("write to"):
                blob.upload_from_string(b"".join(first), content_type="application/octet-stream", **self._how())
            return
        blob.chunk_size = self._fields.part_size
        source = _Parts(parts_of(then(first, rest), self._fields.part_size))
        with self._explained("write to", unless=source):
            blob.upload_from_file(source, content_type="application/octet-stream", checksum=None, **self._how())

    def _read(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
        # In pieces, each asked for by itself, and all of the generation that the first was of.
        with self._explained("read"):
            blob = self._blob(key)
        end = None if length is None else start + length
        while end is None or start < end:
            wanted = PIECE if end is None else min(PIECE, end - start)
            with self._explained("read"):
                piece = self._piece(key, blob, start, wanted)
            if piece:
                yield piece
            if len(piece) < wanted:
                return
            start += len(piece)

    def remove(self, key: str) -> None:
        """Remove what is under the key; nothing happens when there is nothing."""
        with self._explained("remove from"):
            try:
                self._blob(key).delete(**self._how())
            except NotFound:
                return

    def _piece(self, key: str, blob: Any, start: int, wanted: int) -> bytes:
        try:
            piece: bytes = blob.download_as_bytes(
                start=start, end=start + wanted - 1, raw_download=True, checksum=None,
                if_generation_match=blob.generation, **self._how(),
            )  # fmt: skip
        except RequestRangeNotSatisfiable:
            return b""
        except NotFound as error:
            if "bucket" in str(error).lower() and "object" not in str(error).lower():
                raise
            raise KeyError(key) from None
        return piece

    @property
    def _tried(self) -> str:
        seconds = self._fields.retry_seconds
        return f"tried for {seconds:g} seconds" if seconds else ""

    def _blob(self, key: str) -> Any:
        return self._client.bucket(self._fields.bucket, user_project=self._fields.project).blob(self._path(key))

    def _how(self) -> dict[str, Any]:
        from google.cloud.storage.retry import DEFAULT_RETRY

        seconds = self._fields.retry_seconds
        again = DEFAULT_RETRY.with_timeout(seconds) if seconds else None
        return {"timeout": (self._fields.connect_timeout, self._fields.read_timeout), "retry": again}

    def _open(self) -> Any:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.storage import Client
        from google.oauth2.service_account import Credentials
        from requests.adapters import HTTPAdapter

        fields = self._fields
        info = self._secret("service_account_info")
        credentials: Any = None
        if info is not None:
            credentials = Credentials.from_service_account_info(json.loads(info))  # type: ignore[no-untyped-call]
        elif fields.endpoint is not None:
            credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        options = {"api_endpoint": fields.endpoint} if fields.endpoint else None
        client = Client(fields.project or "none", credentials, client_options=options)
        if fields.verify:
            client._http.verify = fields.verify
        for scheme in ("http://", "https://"):
            connections = self.parallel + 4
            client._http.mount(scheme, HTTPAdapter(pool_connections=connections, pool_maxsize=connections))
        return client

    @contextmanager
    def _explained(self, doing: str, unless: _Parts | None = None) -> Iterator[None]:
        try:
            yield
        except (GoogleAPICallError, RetryError, GoogleAuthError, RequestException, OSError, ValueError) as error:
            if unless is not None and unless.failed is not None:
                raise unless.failed from None  # what is sent could not be read: that is no matter of the bucket
            raise explained(error, self._fields, doing=doing, where=self.where, tried=self._tried) from error


class _Parts(io.RawIOBase):
    """Parts as the file that the library reads: one part, of the size that it asks for, at a time."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._position = 0
        self.failed: BaseException | None = None

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        try:
            part = next(self._parts, b"")
        except BaseException as error:
            self.failed = error
            raise
        self._position += len(part)
        return part
