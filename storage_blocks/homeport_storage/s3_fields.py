"""The fields of a block of kind s3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from homeport.blocks.fields import SecretReference
from homeport_storage.object_names import Address, Attempts, ObjectFields, Prefix, Seconds, Verify, split_path
from homeport_storage.parts import MIB

SMALLEST_PART = 5 * MIB  # S3 refuses smaller ones, other than the last


class S3Fields(ObjectFields):
    """A bucket of Amazon S3, or of a server that speaks its protocol."""

    title: ClassVar[str] = "S3 bucket"

    bucket: str = Field(
        description="Name of the bucket, or ARN of an access point. It is not made: aws s3 mb s3://NAME makes one.",
        pattern=r"^(arn:[A-Za-z0-9:/._-]+|[A-Za-z0-9][A-Za-z0-9._-]{1,254})$",
    )
    prefix: Prefix = ""
    region: str | None = Field(
        default=None,
        validation_alias=AliasChoices("region", "region_name"),
        description="The bucket's region; else that of the profile or of AWS_REGION.",
        pattern="^[a-z0-9-]{1,40}$",
    )
    endpoint_url: Address | None = Field(
        default=None, description="Address of another server than Amazon's: https://minio.example.com"
    )
    addressing_style: Literal["auto", "path", "virtual"] = Field(
        default="auto", description="Whether the bucket is part of the path or of the host name."
    )
    verify: Verify = None
    profile: str | None = Field(
        default=None,
        validation_alias=AliasChoices("profile", "profile_name"),
        description="A profile of ~/.aws/config on the machine that opens the storage.",
    )
    access_key_id: SecretReference | None = Field(
        default=None, validation_alias=AliasChoices("access_key_id", "aws_access_key_id")
    )
    secret_access_key: SecretReference | None = Field(
        default=None, validation_alias=AliasChoices("secret_access_key", "aws_secret_access_key")
    )
    session_token: SecretReference | None = Field(
        default=None, validation_alias=AliasChoices("session_token", "aws_session_token")
    )
    role_arn: str | None = Field(
        default=None,
        description="A role that is assumed with the credentials above, and again before it expires.",
        pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$",
    )
    external_id: str | None = Field(default=None, description="What the role's trust policy may ask for.")
    session_name: str = Field(default="homeport", description="How the session is named in CloudTrail.", min_length=2)
    sse: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = Field(
        default=None,
        validation_alias=AliasChoices("sse", "ServerSideEncryption"),
        description="Encryption at rest that is asked for; else what the bucket does by default.",
    )
    kms_key_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("kms_key_id", "SSEKMSKeyId"),
        description="Key of AWS KMS, with sse aws:kms; else the account's own.",
    )
    multipart_threshold: int = Field(
        default=8 * MIB, ge=1, le=5120 * MIB, description="Bytes from which on a file is sent in parts."
    )
    part_size: int = Field(
        default=8 * MIB, ge=SMALLEST_PART, le=512 * MIB, description="Bytes of a part; up to three are in memory."
    )
    max_attempts: Attempts = Field(default=3, description="How often a request is sent before it counts as failed.")
    retry_mode: Literal["standard", "adaptive", "legacy"] = "standard"
    connect_timeout: Seconds = Field(default=5, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=15, description="Seconds to wait for the next bytes.")

    @model_validator(mode="before")
    @classmethod
    def _older_spellings(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        names = dict(given)
        path = names.pop("bucket_path", None)
        bucket = path if path is not None else names.get("bucket")
        if path is not None and "bucket" in names:
            raise ValueError("bucket_path is bucket and prefix in one: give either")
        if isinstance(bucket, str) and (path is not None or bucket.startswith("s3://")):
            names["bucket"], prefix = split_path(bucket)
            if prefix and names.setdefault("prefix", prefix) != prefix:
                raise ValueError("the prefix stands twice, in the bucket's path and by itself: give either")
        return names

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together: give both or neither")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("a session_token belongs to an access_key_id and a secret_access_key: give them, too")
        if self.profile is not None and self.access_key_id is not None:
            raise ValueError("a profile has credentials already: give it, or access_key_id and secret_access_key")
        if self.external_id is not None and self.role_arn is None:
            raise ValueError("an external_id belongs to a role_arn: give it, too")
        if self.kms_key_id is not None and self.sse not in ("aws:kms", "aws:kms:dsse"):
            raise ValueError("a kms_key_id belongs to sse aws:kms: give it, too")
        return self
