"""Buckets and containers: S3, Google Cloud Storage, Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homeport.storage import spellings as older
from homeport.storage.files import Files


class S3(Files):
    """A bucket of Amazon S3, or of what speaks its protocol.

    The arguments of 1.4.1, and the fields of a block of this kind (see docs/guides/storage-s3.md) by their names.
    """

    kind = "s3"

    def __init__(
        self,
        bucket: str | None = None,
        key: str | None = None,
        stored_as_script: bool = False,  # code always travels as source, not as a pickle
        local_script_path: str | None = None,
        client_options: Mapping[str, Any] | None = None,
        upload_options: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        older.refuse_script_path(local_script_path, of="S3")
        older.refuse_older(fields, of="S3", secrets="access_key_id= and secret_access_key=, or profile=")
        older.refuse_literals(fields, of="S3")
        given = older.translated(client_options, older.CLIENT_OPTIONS, of="S3(client_options=...)")
        given |= older.translated(upload_options, older.UPLOAD_OPTIONS, of="S3(upload_options=...)")
        super().__init__(**({"bucket": bucket, "prefix": key} | given | fields))


class GCS(Files):
    """A bucket of Google Cloud Storage.

    The arguments of 1.4.1, and the fields of a block of this kind (see docs/guides/storage-gcs.md) by their names.
    """

    kind = "gcs"

    def __init__(
        self,
        bucket: str | None = None,
        key: str | None = None,
        project: str | None = None,
        stored_as_script: bool = False,  # code always travels as source, not as a pickle
        local_script_path: str | None = None,
        **fields: Any,
    ) -> None:
        older.refuse_script_path(local_script_path, of="GCS")
        older.refuse_older(fields, of="GCS", secrets="service_account_info=")
        older.refuse_literals(fields, of="GCS")
        super().__init__(**({"bucket": bucket, "prefix": key, "project": project} | fields))


class Azure(Files):
    """A container of Azure Blob Storage.

    The arguments of 1.4.1, and the fields of a block of this kind (see docs/guides/storage-azure.md) by their names.
    `connection_string_secret` is the name of a secret, looked up as `Secret(name)` is.
    """

    kind = "azure"

    def __init__(
        self,
        container: str | None = None,
        connection_string_secret: str | None = None,
        blob_name: str | None = None,
        overwrite: bool = True,  # what is stored is named by its content: there is nothing else to overwrite
        stored_as_script: bool = False,  # code always travels as source, not as a pickle
        local_script_path: str | None = None,
        **fields: Any,
    ) -> None:
        older.refuse_script_path(local_script_path, of="Azure")
        older.refuse_older(fields, of="Azure", secrets="connection_string=")
        older.refuse_literals(fields, of="Azure")
        given = {"container": container, "prefix": blob_name}
        if connection_string_secret is not None:
            given["connection_string"] = older.by_name(connection_string_secret, of="Azure")
        super().__init__(**(given | fields))
