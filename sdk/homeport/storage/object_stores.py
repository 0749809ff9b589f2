"""Buckets and containers: S3, Google Cloud Storage, Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from homeport.storage import spellings as older
from homeport.storage.files import Files

if TYPE_CHECKING:
    from homeport.storage.fields import AzureFields, GCSFields, S3Fields


class _ObjectStore(Files):
    _named = ""
    """The fields that name its secrets, for a message."""

    def __init__(self, script: str | None, fields: dict[str, Any], **given: Any) -> None:
        of = type(self).__name__
        older.refuse_older(fields, of=of, secrets=self._named)
        older.refuse_literals(fields, of=of)
        super().__init__(**(given | fields))
        self.script = script


class S3(_ObjectStore):
    """A bucket of Amazon S3, or of what speaks its protocol.

    The arguments of 1.4.1, and the fields of a block of this kind (see docs/guides/storage-s3.md) by their names.
    """

    kind = "s3"
    _named = "access_key_id= and secret_access_key=, or profile="

    def __init__(
        self,
        bucket: str | None = None,
        key: str | None = None,
        stored_as_script: bool = False,  # code always travels as source, not as a pickle
        local_script_path: str | None = None,
        client_options: Mapping[str, Any] | None = None,
        upload_options: Mapping[str, Any] | None = None,
        **fields: Unpack[S3Fields],
    ) -> None:
        given = older.translated(client_options, older.CLIENT_OPTIONS, of="S3(client_options=...)")
        given |= older.translated(upload_options, older.UPLOAD_OPTIONS, of="S3(upload_options=...)")
        super().__init__(local_script_path, dict(fields), **({"bucket": bucket, "prefix": key} | given))


class GCS(_ObjectStore):
    """A bucket of Google Cloud Storage.

    The arguments of 1.4.1, and the fields of a block of this kind (see docs/guides/storage-gcs.md) by their names.
    """

    kind = "gcs"
    _named = "service_account_info="

    def __init__(
        self,
        bucket: str | None = None,
        key: str | None = None,
        project: str | None = None,
        stored_as_script: bool = False,  # code always travels as source, not as a pickle
        local_script_path: str | None = None,
        **fields: Unpack[GCSFields],
    ) -> None:
        super().__init__(local_script_path, dict(fields), bucket=bucket, prefix=key, project=project)


class Azure(_ObjectStore):
    """A container of Azure Blob Storage.

    The arguments of 1.4.1, and the fields of a block of this kind (see docs/guides/storage-azure.md) by their names.
    `connection_string_secret` is the name of a secret, looked up as `Secret(name)` is.
    """

    kind = "azure"
    _named = "connection_string="

    def __init__(
        self,
        container: str | None = None,
        connection_string_secret: str | None = None,
        blob_name: str | None = None,
        overwrite: bool = True,  # what is stored is named by its content: there is nothing else to overwrite
        stored_as_script: bool = False,  # code always travels as source, not as a pickle
        local_script_path: str | None = None,
        **fields: Unpack[AzureFields],
    ) -> None:
        secret = older.by_name(connection_string_secret, of="Azure")
        given = {"container": container, "prefix": blob_name, "connection_string": secret}
        super().__init__(local_script_path, dict(fields), **given)
