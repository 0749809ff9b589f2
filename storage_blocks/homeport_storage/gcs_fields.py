"""The fields of a block of kind gcs."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from homeport.blocks.fields import SecretReference
from homeport_storage.object_names import Address, ObjectFields, Prefix, Seconds, Verify, without_bucket_path
from homeport_storage.parts import MIB


class GcsFields(ObjectFields):
    """A bucket of Google Cloud Storage.

    Without service_account_info the machine's own credentials count: GOOGLE_APPLICATION_CREDENTIALS, a workload
    identity, or what `gcloud auth application-default login` left.
    """

    title: ClassVar[str] = "GCS bucket"

    bucket: str = Field(
        description="Name of the bucket. It is not made: gcloud storage buckets create gs://NAME makes one.",
        pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$",
    )
    prefix: Prefix = ""
    project: str | None = Field(default=None, description="The project that pays, where that is not the bucket's.")
    service_account_info: SecretReference | None = Field(
        default=None, description="The JSON key of a service account: file:/run/secrets/gcp.json"
    )
    endpoint: Address | None = Field(
        default=None, description="Address of another server, such as an emulator's: nobody is asked who we are then."
    )
    verify: Verify = None
    part_size: int = Field(
        default=8 * MIB,
        ge=MIB,
        le=512 * MIB,
        multiple_of=256 * 1024,
        description="Bytes from which on a file is sent in parts, and bytes of a part.",
    )
    connect_timeout: Seconds = Field(default=5, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=15, description="Seconds to wait for the next bytes.")
    retry_seconds: Seconds = Field(default=20, description="How long a request that found no answer is tried again.")

    @model_validator(mode="before")
    @classmethod
    def _older_spellings(cls, given: Any) -> Any:
        return without_bucket_path(given, "bucket")
