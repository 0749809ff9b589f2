"""Code and results in a container of Azure Blob Storage, as block blobs."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContentSettings

from homeport.code.errors import SecretMissing
from homeport_storage.azure_errors import code_of, explained
from homeport_storage.azure_fields import AzureFields
from homeport_storage.object_storage import ObjectStorage
from homeport_storage.parts import beginning, parts_of, send_parts, then
from homeport_storage.resolving import secret

USUAL = "AZURE_STORAGE_CONNECTION_STRING"
BLOB_MISSING = "BlobNotFound"
BLOCKS_FORGOTTEN = "InvalidBlockList"
PAST_THE_END = "InvalidRange"
BYTES = ContentSettings(content_type="application/octet-stream")


class AzureStorage(ObjectStorage[AzureFields]):
    """A container, or what lies below a prefix in it."""

    kind: ClassVar[str] = "azure"
    block_fields = AzureFields
    _sas_ends: datetime | None = None

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        fields = self._fields
        account = fields.account_url or fields.account_name
        return f"the Azure container {self._below(fields.container)}" + (f" of {account}" if account else "")

    def size(self, key: str) -> int | None:
        """How many bytes are kept under the key; None when there is nothing."""
        found = self._found(key)
        return None if found is None else int(found.size)

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks under the key: in one request, or in blocks that become a blob only together.

        Blocks of an upload that broke off are no blob, and Azure forgets them after a week. Of two uploads at once the
        one that ends first makes Azure forget the blocks of the other: that one counts as done before it, and replaced.
        """
        first, rest = beginning(chunks, self._fields.multipart_threshold)
        with self._explained("write to"):
            blob = self._blob(key)
        if rest is None:
            with self._explained("write to"):
                blob.upload_blob(b"".join(first), overwrite=True, content_settings=BYTES)
            return
        upload = uuid.uuid4().hex
        before = self._found(key)

        def send(number: int, part: bytes) -> BlobBlock:
            name = base64.b64encode(f"{upload}-{number:06d}".encode()).decode()
            with self._explained("write to"):
                blob.stage_block(name, part)
            return BlobBlock(name)

        blocks = send_parts(parts_of(then(first, rest), self._fields.part_size), send)
        with self._explained("write to"):
            try:
                blob.commit_block_list(blocks, content_settings=BYTES)
            except HttpResponseError as error:
                if code_of(error) != BLOCKS_FORGOTTEN:
                    raise
                now = self._found(key)
                if now is None or (before is not None and now.etag == before.etag):
                    raise

    def _found(self, key: str) -> Any:
        """The properties of what is kept under the key; None when there is nothing."""
        with self._explained("look into"):
            try:
                return self._blob(key).get_blob_properties()
            except ResourceNotFoundError as error:
                if code_of(error) == BLOB_MISSING:
                    return None
                raise

    def _read(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
        with self._explained("read"):
            try:
                yield from self._blob(key).download_blob(offset=start, length=length).chunks()
            except HttpResponseError as error:
                if code_of(error) == BLOB_MISSING:
                    raise KeyError(key) from None
                if code_of(error) != PAST_THE_END:
                    raise

    def _names(self, start: str) -> Iterator[str]:
        with self._explained("look into"):
            yield from self._client.list_blob_names(name_starts_with=start or None)

    def remove(self, key: str) -> None:
        """Remove what is under the key; nothing happens when there is nothing."""
        with self._explained("remove from"):
            try:
                self._blob(key).delete_blob(delete_snapshots="include")
            except ResourceNotFoundError as error:
                if code_of(error) != BLOB_MISSING:
                    raise

    def _blob(self, key: str) -> Any:
        return self._client.get_blob_client(self._path(key))

    def _open(self) -> Any:
        from homeport_storage.azure_client import open_client, sas_ends

        fields = self._fields
        secrets = {name: self._secret(name) for name in ("connection_string", "account_key", "sas_token")}
        if not (secrets["connection_string"] or fields.account_name or fields.account_url):
            if not os.environ.get(USUAL):
                raise SecretMissing(
                    f"cannot open {self.where}: nothing says which account it is in",
                    f"Give connection_string, or account_name; or set the variable {USUAL} on this machine",
                )
            secrets["connection_string"] = secret(f"env:{USUAL}", field="connection_string", where=self.where)
        self._sas_ends = sas_ends(secrets)

        def make() -> Any:
            return open_client(fields, secrets, connections=self.parallel + 4)

        return self._kept(make, *secrets.values(), files=[fields.verify or ""])

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (AzureError, OSError, ValueError) as error:
            ends = self._sas_ends
            expired = ends.astimezone(UTC) if ends is not None and ends <= datetime.now(UTC) else None
            raise explained(
                error, self._fields, doing=doing, where=self.where, tried=self._tried, expired=expired
            ) from None
