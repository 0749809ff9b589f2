"""Code and results in a container of Azure Blob Storage, as block blobs."""

from __future__ import annotations

import base64
import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContentSettings

from homeport.code.errors import SecretMissing
from homeport.code.storage import CheckReport, StorageReference
from homeport_storage import checks
from homeport_storage.azure_errors import code_of, explained
from homeport_storage.azure_fields import AzureFields
from homeport_storage.blob_storage import BlobStorage
from homeport_storage.parts import beginning, parts_of, send_parts, then
from homeport_storage.resolving import secret

USUAL = "AZURE_STORAGE_CONNECTION_STRING"
BLOB_MISSING = "BlobNotFound"
PAST_THE_END = "InvalidRange"
BYTES = ContentSettings(content_type="application/octet-stream")


class AzureStorage(BlobStorage):
    """A container, or what lies below a prefix in it."""

    kind: ClassVar[str] = "azure"
    parallel = 16

    def __init__(self, fields: AzureFields) -> None:
        """The storage that the fields describe. Nothing is asked before the first call."""
        self._fields = fields
        self._opened: Any = None
        self._opening = threading.Lock()

    @classmethod
    def fields(cls) -> type[AzureFields]:
        """The fields of a block of this kind."""
        return AzureFields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> AzureStorage:
        """The container that a reference names; raises UnsafeCode when a field is wrong."""
        return cls(cast(AzureFields, AzureFields.of_reference(reference)))

    @property
    def where(self) -> str:
        """The storage as a user knows it."""
        fields = self._fields
        path = "/".join(part for part in (fields.container, fields.prefix) if part)
        account = fields.account_url or fields.account_name
        return f"the Azure container {path}" + (f" of {account}" if account else "")

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
                return int(self._blob(key).get_blob_properties().size)
            except ResourceNotFoundError as error:
                if code_of(error) == BLOB_MISSING:
                    return None
                raise

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks under the key: in one request, or in blocks that become a blob only together.

        Blocks of an upload that broke off are no blob, and Azure forgets them after a week.
        """
        first, rest = beginning(chunks, self._fields.multipart_threshold)
        with self._explained("write to"):
            blob = self._blob(key)
        if rest is None:
            with self._explained("write to"):
                blob.upload_blob(b"".join(first), overwrite=True, content_settings=BYTES)
            return
        upload = uuid.uuid4().hex

        def send(number: int, part: bytes) -> BlobBlock:
            name = base64.b64encode(f"{upload}-{number:06d}".encode()).decode()
            with self._explained("write to"):
                blob.stage_block(name, part)
            return BlobBlock(name)

        blocks = send_parts(parts_of(then(first, rest), self._fields.part_size), send)
        with self._explained("write to"):
            blob.commit_block_list(blocks, content_settings=BYTES)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces; a connection that breaks off is taken up again where it did."""
        if length == 0:
            if self.size(key) is None:
                raise KeyError(key)
            return
        with self._explained("read"):
            try:
                yield from self._blob(key).download_blob(offset=start, length=length).chunks()
            except HttpResponseError as error:
                if code_of(error) == BLOB_MISSING:
                    raise KeyError(key) from None
                if code_of(error) != PAST_THE_END:
                    raise

    def remove(self, key: str) -> None:
        """Remove what is under the key; nothing happens when there is nothing."""
        with self._explained("remove from"):
            try:
                self._blob(key).delete_blob(delete_snapshots="include")
            except ResourceNotFoundError as error:
                if code_of(error) != BLOB_MISSING:
                    raise

    def _blob(self, key: str) -> Any:
        return self._client.get_blob_client(f"{self._fields.prefix}/{key}" if self._fields.prefix else key)

    @property
    def _client(self) -> Any:
        """The client, made by the first call: it is shared by all threads, and its connections are kept open."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> Any:
        from homeport_storage.azure_client import open_client

        fields = self._fields
        secrets = {
            name: secret(getattr(fields, name), field=name, where=self.where)
            for name in ("connection_string", "account_key", "sas_token")
        }
        if not (secrets["connection_string"] or fields.account_name or fields.account_url):
            if not os.environ.get(USUAL):
                raise SecretMissing(
                    f"cannot open {self.where}: nothing says which account it is in",
                    f"Give connection_string, or account_name; or set the variable {USUAL} on this machine",
                )
            secrets["connection_string"] = secret(f"env:{USUAL}", field="connection_string", where=self.where)
        return open_client(fields, secrets, connections=self.parallel + 4)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (AzureError, OSError, ValueError) as error:
            raise explained(error, doing=doing, where=self.where, container=self._fields.container) from None
