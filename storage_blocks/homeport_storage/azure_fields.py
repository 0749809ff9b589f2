"""The fields of a block of kind azure."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import AliasChoices, Field, model_validator

from homeport.blocks.fields import SecretReference
from homeport_storage.object_names import Address, Attempts, ObjectFields, Prefix, Seconds, Verify, without_bucket_path
from homeport_storage.parts import MIB


class AzureFields(ObjectFields):
    """A container of Azure Blob Storage.

    Who we are is said by one of: a connection string; account and key; account and SAS; account alone (then by
    DefaultAzureCredential: environment, managed identity, `az login`). With none of them the variable
    AZURE_STORAGE_CONNECTION_STRING of the machine says it.
    """

    title: ClassVar[str] = "Azure Blob container"

    container: str = Field(
        description="Name of the container. It is not made: az storage container create -n NAME makes one.",
        pattern=r"^(\$root|\$web|[a-z0-9](-?[a-z0-9]){2,62})$",
    )
    prefix: Prefix = ""
    connection_string: SecretReference | None = Field(
        default=None, validation_alias=AliasChoices("connection_string", "azure_storage_connection_string")
    )
    account_name: str | None = Field(
        default=None,
        validation_alias=AliasChoices("account_name", "azure_storage_account_name"),
        description="Name of the storage account.",
        pattern="^[a-z0-9]{3,24}$",
    )
    account_key: SecretReference | None = Field(
        default=None, validation_alias=AliasChoices("account_key", "azure_storage_account_key")
    )
    sas_token: SecretReference | None = None
    account_url: Address | None = Field(
        default=None, description="Address of the account, unless it is https://ACCOUNT.blob.core.windows.net"
    )
    verify: Verify = None
    multipart_threshold: int = Field(
        default=8 * MIB, ge=1, le=256 * MIB, description="Bytes from which on a file is sent in blocks."
    )
    part_size: int = Field(
        default=8 * MIB, ge=MIB, le=512 * MIB, description="Bytes of a block; up to three are in memory."
    )
    max_attempts: Attempts = Field(default=3, description="How often a request is sent before it counts as failed.")
    connect_timeout: Seconds = Field(default=5, description="Seconds to wait for a connection.")
    read_timeout: Seconds = Field(default=15, description="Seconds to wait for the next bytes.")

    @model_validator(mode="before")
    @classmethod
    def _older_spellings(cls, given: Any) -> Any:
        return without_bucket_path(given, "container")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("connection_string", "account_key", "sas_token") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} each say who we are: give one of them")
        if ways == ["connection_string"] and (self.account_name or self.account_url):
            raise ValueError("a connection string names the account already: leave out account_name and account_url")
        if self.account_key is not None and self.account_name is None:
            raise ValueError("an account_key belongs to an account_name: give it, too")
        if self.sas_token is not None and not (self.account_name or self.account_url):
            raise ValueError("a sas_token belongs to an account_name or an account_url: give it, too")
        return self
