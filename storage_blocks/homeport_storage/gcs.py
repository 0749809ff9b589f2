"""Code and results in a bucket of Google Cloud Storage."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, RequestRangeNotSatisfiable, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.exceptions import InvalidResponse
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException

from homeport_storage.gcs_errors import explained
from homeport_storage.gcs_fields import GcsFields
from homeport_storage.object_storage import ObjectStorage
from homeport_storage.parts import MIB, beginning, parts_of, then

PIECE = 2 * MIB
RAISED = (
    GoogleAPICallError, RetryError, InvalidResponse, GoogleAuthError, RequestException, OSError, ValueError,
)  # fmt: skip
"""What the library raises, and those below it."""


class GcsStorage(ObjectStorage[GcsFields]):
    """A bucket, or what lies below a prefix in it."""

    kind: ClassVar[str] = "gcs"
    block_fields = GcsFields
    _bucket_seen = False
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
                self._see_bucket()
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

    def _names(self, start: str) -> Iterator[str]:
        with self._explained("look into"):
            bucket = self._client.bucket(self._fields.bucket, user_project=self._fields.project)
            for found in self._client.list_blobs(bucket, prefix=start or None, **self._how()):
                yield found.name

    def remove(self, key: str) -> None:
        """Remove what is under the key; nothing happens when there is nothing."""
        with self._explained("remove from"):
            try:
                self._blob(key).delete(**self._how())
            except NotFound:
                self._see_bucket()

    def _piece(self, key: str, blob: Any, start: int, wanted: int) -> bytes:
        try:
            piece: bytes = blob.download_as_bytes(
                start=start, end=start + wanted - 1, raw_download=True, checksum=None,
                if_generation_match=blob.generation, **self._how(),
            )  # fmt: skip
        except RequestRangeNotSatisfiable:
            return b""
        except NotFound:
            self._see_bucket()
            raise KeyError(key) from None
        return piece

    def _see_bucket(self) -> None:
        """Raise NotFound where it is the bucket that is not there: what Google answers for an object does not say.

        Who may read objects may list them; who may not, is told "forbidden" of what is missing.
        """
        if self._bucket_seen:
            return
        with suppress(Forbidden):
            listed = self._client.list_blobs(
                self._client.bucket(self._fields.bucket, user_project=self._fields.project),
                max_results=1, prefix=self._fields.prefix, fields="items(name)", **self._how(),
            )  # fmt: skip
            next(iter(listed), None)
        self._bucket_seen = True

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
        fields = self._fields
        info = self._secret("service_account_info")
        return self._kept(lambda: self._made(info), info, files=[fields.verify or ""])

    def _made(self, info: str | None) -> Any:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.storage import Client
        from google.oauth2.service_account import Credentials

        fields = self._fields
        credentials: Any = None
        if info is not None:
            key = json.loads(info)
            if not isinstance(key, dict):
                raise ValueError("a key is an object")
            credentials = Credentials.from_service_account_info(key)  # type: ignore[no-untyped-call]
        elif fields.endpoint is not None:
            credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        options = {"api_endpoint": fields.endpoint} if fields.endpoint else None
        client = Client(fields.project or "none", credentials, client_options=options)
        connections = self.parallel + 4
        for scheme in ("http://", "https://"):
            client._http.mount(scheme, _Adapter(fields.verify, connections))
        return client

    @contextmanager
    def _explained(self, doing: str, unless: _Parts | None = None) -> Iterator[None]:
        try:
            yield
        except RAISED as error:
            if unless is not None and unless.failed is not None:
                raise unless.failed from None  # what is sent could not be read: that is no matter of the bucket
            raise explained(error, self._fields, doing=doing, where=self.where, tried=self._tried) from error


class _Adapter(HTTPAdapter):
    """Keeps connections, and trusts the given CA: a session would put REQUESTS_CA_BUNDLE above it."""

    def __init__(self, verify: str | None, connections: int) -> None:
        self._verify = verify
        super().__init__(pool_connections=connections, pool_maxsize=connections)

    def send(self, request: Any, *arguments: Any, **named: Any) -> Any:
        if self._verify:
            named["verify"] = self._verify
        return super().send(request, *arguments, **named)


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
