"""Code and results in a bucket of Amazon S3, or of any server that speaks its protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from homeport.code.errors import StorageUnreachable
from homeport.code.storage import CheckReport, StorageReference
from homeport_storage import checks
from homeport_storage.blob_storage import BlobStorage
from homeport_storage.parts import MIB, beginning, parts_of, send_parts, then
from homeport_storage.resolving import secret
from homeport_storage.s3_errors import code_of, explained

if TYPE_CHECKING:
    from homeport_storage.s3_fields import S3Fields

PIECE = MIB
MISSING = ("NoSuchKey", "404", "NotFound")
PAST_THE_END = ("InvalidRange", "416")
WITHOUT_A_WORD = ("301", "400", "403")
"""What a HEAD request is answered when it is refused: it has no body to say why in."""
PARTS_OF_A_SIZE = 1_000
"""After so many parts they become larger: S3 takes 10,000 at most, and nobody says how long a stream will be."""


class S3Storage(BlobStorage):
    """A bucket, or what lies below a prefix in it."""

    kind: ClassVar[str] = "s3"
    parallel = 16

    def __init__(self, fields: S3Fields) -> None:
        """The storage that the fields describe. Nothing is asked before the first call."""
        self._fields = fields
        self._opened: Any = None
        self._opening = threading.Lock()

    @classmethod
    def fields(cls) -> type[S3Fields]:
        """The fields of a block of this kind."""
        from homeport_storage.s3_fields import S3Fields

        return S3Fields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> S3Storage:
        """The bucket that a reference names; raises UnsafeCode when a field is wrong."""
        return cls(cast("S3Fields", cls.fields().of_reference(reference)))

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        path = "/".join(part for part in (self._fields.bucket, self._fields.prefix) if part)
        return f"s3://{path}" + (f" at {self._fields.endpoint_url}" if self._fields.endpoint_url else "")

    def reference(self) -> StorageReference:
        """The fields that were given."""
        return {"kind": self.kind, **self._fields.model_dump(mode="json", exclude_defaults=True)}

    def check(self) -> CheckReport:
        """See Storage.check; with one attempt and short waiting, because a person waits for it."""
        shorter = {
            "max_attempts": 1,
            "connect_timeout": min(4.0, self._fields.connect_timeout),
            "read_timeout": min(8.0, self._fields.read_timeout),
        }
        return checks.check(type(self)(self._fields.model_copy(update=shorter)))

    def size(self, key: str) -> int | None:
        """How many bytes are kept under the key; None when there is nothing."""
        with self._explained("look into"):
            try:
                return int(self._client.head_object(**self._at(key))["ContentLength"])
            except ClientError as error:
                if code_of(error) in MISSING:
                    return None
                if code_of(error) not in WITHOUT_A_WORD:
                    raise
            answer = self._get(key, 0, 1)  # says why, or, where only HEAD is refused, how large it is
            return 0 if answer is None else int(answer["ContentRange"].rpartition("/")[2])

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks under the key: in one request, or in parts that become an object only together."""
        first, rest = beginning(chunks, self._fields.multipart_threshold)
        if rest is None:
            with self._explained("write to"):
                self._client.put_object(**self._at(key), Body=b"".join(first), **self._encryption())
            return
        with self._explained("write to"):
            upload = self._client.create_multipart_upload(**self._at(key), **self._encryption())["UploadId"]
        try:
            parts = self._send(key, upload, then(first, rest))
            with self._explained("write to"):
                self._client.complete_multipart_upload(
                    **self._at(key), UploadId=upload, MultipartUpload={"Parts": parts}
                )
        except BaseException:
            # Parts without an object are kept, and paid for, until somebody removes them.
            with suppress(Exception):
                self._client.abort_multipart_upload(**self._at(key), UploadId=upload)
            raise

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces; a connection that breaks off is taken up again where it did."""
        if length == 0:
            if self.size(key) is None:
                raise KeyError(key)
            return
        end = None if length is None else start + length
        etag, broken = "", 0
        while True:
            try:
                with self._explained("read"):
                    answer = self._get(key, start, end, etag)
                    if answer is None:
                        return
                    etag = answer["ETag"]
                    for piece in answer["Body"].iter_chunks(PIECE):
                        start += len(piece)
                        yield piece
                    return
            except StorageUnreachable:
                broken += 1
                if not etag or broken >= self._fields.max_attempts:
                    raise

    def remove(self, key: str) -> None:
        """Remove what is under the key; nothing happens when there is nothing."""
        with self._explained("remove from"):
            self._client.delete_object(**self._at(key))

    def _get(self, key: str, start: int, end: int | None, etag: str = "") -> Any:
        """The answer with the bytes from start to before end; None where there are none. KeyError for no such key."""
        given = self._at(key) | ({"IfMatch": etag} if etag else {})
        if start or end is not None:
            given["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        try:
            return self._client.get_object(**given)
        except ClientError as error:
            if code_of(error) in MISSING:
                raise KeyError(key) from None
            if code_of(error) in PAST_THE_END:
                return None
            raise

    def _send(self, key: str, upload: str, chunks: Iterable[bytes]) -> list[dict[str, Any]]:
        def send(number: int, part: bytes) -> dict[str, Any]:
            with self._explained("write to"):
                sent = self._client.upload_part(**self._at(key), UploadId=upload, PartNumber=number, Body=part)
            return {"PartNumber": number, "ETag": sent["ETag"]}

        return send_parts(parts_of(chunks, self._fields.part_size, grow_after=PARTS_OF_A_SIZE), send)

    def _at(self, key: str) -> dict[str, str]:
        path = f"{self._fields.prefix}/{key}" if self._fields.prefix else key
        return {"Bucket": self._fields.bucket, "Key": path}

    def _encryption(self) -> dict[str, str]:
        given = {"ServerSideEncryption": self._fields.sse, "SSEKMSKeyId": self._fields.kms_key_id}
        return {name: value for name, value in given.items() if value}

    @property
    def _client(self) -> Any:
        """The client, made by the first call: it is shared by all threads, and its connections are kept open."""
        with self._opening:
            if self._opened is None:
                with self._explained("open"):
                    self._opened = self._open()
            return self._opened

    def _open(self) -> Any:
        from homeport_storage.s3_client import open_client

        fields = self._fields
        keys = {
            name: secret(getattr(fields, name), field=name, where=self.where)
            for name in ("access_key_id", "secret_access_key", "session_token")
        }
        return open_client(fields, keys, connections=self.parallel + 4)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError, HTTPError) as error:
            endpoint = self._fields.endpoint_url
            raise explained(
                error, doing=doing, where=self.where, bucket=self._fields.bucket,
                at=f" --endpoint-url {endpoint}" if endpoint else "",
            ) from error  # fmt: skip
