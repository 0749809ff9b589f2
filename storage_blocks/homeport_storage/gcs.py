"""Code and results in a bucket of Google Cloud Storage."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from google.api_core.exceptions import GoogleAPICallError, NotFound, RequestRangeNotSatisfiable, RetryError
from google.auth.exceptions import GoogleAuthError
from requests.exceptions import RequestException

from homeport.code.storage import CheckReport, StorageReference
from homeport_storage import checks
from homeport_storage.blob_storage import BlobStorage
from homeport_storage.gcs_errors import explained
from homeport_storage.gcs_fields import GcsFields
from homeport_storage.parts import MIB, beginning, parts_of, then
from homeport_storage.resolving import secret

PIECE = 2 * MIB


class GcsStorage(BlobStorage):
    """A bucket, or what lies below a prefix in it."""

    kind: ClassVar[str] = "gcs"
    parallel = 16

    def __init__(self, fields: GcsFields, *, tries_again: bool = True) -> None:
        """The storage that the fields describe. Nothing is asked before the first call."""
        self._fields = fields
        self._tries_again = tries_again
        self._opened: Any = None
        self._opening = threading.Lock()

    @classmethod
    def fields(cls) -> type[GcsFields]:
        """The fields of a block of this kind."""
        return GcsFields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> GcsStorage:
        """The bucket that a reference names; raises UnsafeCode when a field is wrong."""
        return cls(cast(GcsFields, GcsFields.of_reference(reference)))

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        path = "/".join(part for part in (self._fields.bucket, self._fields.prefix) if part)
        return f"gs://{path}" + (f" at {self._fields.endpoint}" if self._fields.endpoint else "")

    def reference(self) -> StorageReference:
        """The fields that were given."""
        return {"kind": self.kind, **self._fields.model_dump(mode="json", exclude_defaults=True)}

    def check(self) -> CheckReport:
        """See Storage.check; with one attempt and short waiting, because a person waits for it."""
        shorter = {
            "connect_timeout": min(4.0, self._fields.connect_timeout),
            "read_timeout": min(8.0, self._fields.read_timeout),
        }
        return checks.check(type(self)(self._fields.model_copy(update=shorter), tries_again=False))

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

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces, each asked for by itself, and all of the generation that the first was of."""
        if length == 0:
            if self.size(key) is None:
                raise KeyError(key)
            return
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

    def _blob(self, key: str) -> Any:
        path = f"{self._fields.prefix}/{key}" if self._fields.prefix else key
        return self._client.bucket(self._fields.bucket, user_project=self._fields.project).blob(path)

    def _how(self) -> dict[str, Any]:
        from google.cloud.storage.retry import DEFAULT_RETRY

        again = DEFAULT_RETRY.with_timeout(self._fields.retry_seconds) if self._tries_again else None
        return {"timeout": (self._fields.connect_timeout, self._fields.read_timeout), "retry": again}

    @property
    def _client(self) -> Any:
        """The client, made by the first call: it is shared by all threads, and its connections are kept open."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> Any:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.storage import Client
        from google.oauth2.service_account import Credentials
        from requests.adapters import HTTPAdapter

        fields = self._fields
        info = secret(fields.service_account_info, field="service_account_info", where=self.where)
        credentials: Any = None
        if info is not None:
            credentials = Credentials.from_service_account_info(json.loads(info))  # type: ignore[no-untyped-call]
        elif fields.endpoint is not None:
            credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        options = {"api_endpoint": fields.endpoint} if fields.endpoint else None
        client = Client(fields.project or "none", credentials, client_options=options)
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
            raise explained(error, doing=doing, where=self.where, bucket=self._fields.bucket) from error


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
