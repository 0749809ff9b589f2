"""What object stores take besides the arguments of 1.4.1, for type checkers: the fields of their blocks by name.

The classes that check the values are in the package of the storages, which nothing here may import; a test compares.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class S3Fields(TypedDict, total=False):
    """Of S3; secrets are references (`env:NAME`), times seconds, sizes bytes."""

    prefix: str | None
    region: str | None
    endpoint_url: str | None
    addressing_style: Literal["auto", "path", "virtual"] | None
    verify: str | None
    profile: str | None
    access_key_id: str | None
    secret_access_key: str | None
    session_token: str | None
    role_arn: str | None
    external_id: str | None
    session_name: str | None
    sse: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None
    kms_key_id: str | None
    multipart_threshold: int | None
    part_size: int | None
    max_attempts: int | None
    retry_mode: Literal["standard", "adaptive", "legacy"] | None
    connect_timeout: float | None
    read_timeout: float | None
    # As boto3 and 2.x say it.
    bucket_path: str | None
    region_name: str | None
    profile_name: str | None
    aws_access_key_id: str | None
    aws_secret_access_key: str | None
    aws_session_token: str | None
    ServerSideEncryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None
    SSEKMSKeyId: str | None


class GCSFields(TypedDict, total=False):
    """Of Google Cloud Storage; the secret is a reference (`env:NAME`), times are seconds, sizes bytes."""

    prefix: str | None
    service_account_info: str | None
    endpoint: str | None
    verify: str | None
    part_size: int | None
    connect_timeout: float | None
    read_timeout: float | None
    retry_seconds: float | None
    bucket_path: str | None


class AzureFields(TypedDict, total=False):
    """Of Azure Blob Storage; secrets are references (`env:NAME`), times seconds, sizes bytes."""

    prefix: str | None
    connection_string: str | None
    account_name: str | None
    account_key: str | None
    sas_token: str | None
    account_url: str | None
    verify: str | None
    multipart_threshold: int | None
    part_size: int | None
    max_attempts: int | None
    connect_timeout: float | None
    read_timeout: float | None
    # As 2.x says it.
    bucket_path: str | None
    azure_storage_connection_string: str | None
    azure_storage_account_name: str | None
    azure_storage_account_key: str | None
