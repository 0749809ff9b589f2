"""Code and results in a bucket of Amazon S3, or of any server that speaks its protocol."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from homeport.code.errors import StorageUnreachable
from homeport_storage.object_storage import ObjectStorage
from homeport_storage.parts import MIB, beginning, parts_of, send_parts, then
from homeport_storage.s3_errors import code_of, explained
from homeport_storage.s3_fields import S3Fields

PIECE = MIB
MISSING = ("NoSuchKey", "404", "NotFound")
PAST_THE_END = ("InvalidRange", "416")
WITHOUT_A_WORD = ("301", "400", "403")
"""What a HEAD request is answered when it is refused: it has no body to say why in."""
PARTS_OF_A_SIZE = 1_000
"""After so many parts they become larger: S3 takes 10,000 at most, and nobody says how long a stream will be."""


class S3Storage(ObjectStorage[S3Fields]):
    """A bucket, or what lies below a prefix in it."""

    kind: ClassVar[str] = "s3"
    block_fields = S3Fields

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        endpoint = self._fields.endpoint_url
        return f"s3://{self._below(self._fields.bucket)}" + (f" at {endpoint}" if endpoint else "")

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

    def _read(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
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

    def _names(self, start: str) -> Iterator[str]:
        with self._explained("look into"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._fields.bucket, Prefix=start)
            for page in pages:
                yield from (found["Key"] for found in page.get("Contents", ()))

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
        return {"Bucket": self._fields.bucket, "Key": self._path(key)}

    def _encryption(self) -> dict[str, str]:
        given = {"ServerSideEncryption": self._fields.sse, "SSEKMSKeyId": self._fields.kms_key_id}
        return {name: value for name, value in given.items() if value}

    def _open(self) -> Any:
        from homeport_storage.s3_client import open_client

        keys = {name: self._secret(name) for name in ("access_key_id", "secret_access_key", "session_token")}
        files = (
            os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"),
            os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
            self._fields.verify or "",
        )

        def make() -> Any:
            return open_client(self._fields, keys, connections=self.parallel + 4)

        return self._kept(make, *keys.values(), files=files)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError, HTTPError, OSError) as error:
            raise explained(error, self._fields, doing=doing, where=self.where, tried=self._tried) from error
