"""The fields of a block of kind smb."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import AliasChoices, Field, field_validator, model_validator

from homeport.blocks.fields import BlockFields, SecretReference

_NOT_IN_HOST = re.compile(r"[\x00-\x20\x7f/\\@?#\[\]]")
_NOT_IN_PATH = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')


class SmbFields(BlockFields):
    """A folder on an SMB share: //host/share/path."""

    title: ClassVar[str] = "SMB share"

    host: str = Field(
        validation_alias=AliasChoices("host", "smb_host"),
        description="Name or address of the server; for a DFS namespace its domain or root server.",
        min_length=1,
        max_length=255,
    )
    share: str = Field(description="Name of the share, or of the DFS root.", min_length=1, max_length=255)
    path: str = Field(default="", description="Folder in the share; it is made by the first write.", max_length=1000)
    port: int = Field(
        default=445, validation_alias=AliasChoices("port", "smb_port"), description="TCP port.", ge=1, le=65535
    )
    username: str | None = Field(
        default=None,
        validation_alias=AliasChoices("username", "smb_username"),
        description="The user, or a reference to a secret that holds it; none for Kerberos' ticket.",
    )
    domain: str | None = Field(default=None, description="The user's domain, unless the user says it: user@domain.")
    password: SecretReference | None = Field(
        default=None, validation_alias=AliasChoices("password", "smb_password"), description="The user's password."
    )
    require_encryption: bool = Field(
        default=True, description="Speak only encrypted (SMB 3). False takes what the server offers."
    )
    require_signing: bool = Field(default=True, description="Refuse messages that are not signed.")
    auth_protocol: Literal["negotiate", "ntlm", "kerberos"] = Field(
        default="negotiate",
        description="How to log in. Kerberos needs a ticket (kinit) and pip install 'smbprotocol[kerberos]'.",
    )
    connect_timeout: float = Field(default=10, description="Seconds until a server counts as away.", gt=0, le=600)
    timeout: float = Field(default=60, description="Seconds to wait for one answer of the server.", ge=1, le=3600)

    @model_validator(mode="before")
    @classmethod
    def _share_with_its_path(cls, given: Any) -> Any:
        """Take `share_path="/share/folder"` as Prefect 2.4 wrote it, and `share="share/folder"`."""
        if not isinstance(given, dict):
            return given
        given = dict(given)
        named = "share_path" if "share_path" in given and "share" not in given else "share"
        if isinstance(given.get(named), str):
            share, *folders = given.pop(named).replace("\\", "/").strip("/").split("/")
            inner = given.get("path") or ""
            if isinstance(inner, str):
                given["path"] = "/".join([*folders, inner] if inner else folders)
            given["share"] = share
        return given

    @field_validator("host")
    @classmethod
    def _plain_host(cls, host: str) -> str:
        if _NOT_IN_HOST.search(host) or host.startswith("-"):
            raise ValueError("a name or an address, such as files.example.com, without // and without a port")
        return host

    @field_validator("share")
    @classmethod
    def _plain_share(cls, share: str) -> str:
        if _NOT_IN_PATH.search(share) or share in (".", ".."):
            raise ValueError('the name of a share, without any of < > : " | ? *')
        return share

    @field_validator("path")
    @classmethod
    def _plain_path(cls, path: str) -> str:
        parts = [part for part in path.replace("\\", "/").split("/") if part]
        if any(part in (".", "..") for part in parts) or _NOT_IN_PATH.search(path):
            raise ValueError('a folder in the share, without .. and without any of < > : " | ? *')
        return "/".join(parts)
