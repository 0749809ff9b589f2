"""What the fields of every object store share: a prefix, an address, times, and a 2.x bucket_path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from homeport.blocks.fields import BlockFields


def _prefix(text: str) -> str:
    parts = text.strip("/").split("/") if text.strip("/") else []
    if any(part in ("", ".", "..") for part in parts) or any(ord(letter) < 32 for letter in text):
        raise ValueError("a prefix is a path such as flows/prod: without '..', empty parts and control characters")
    return "/".join(parts)


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        port_is_one = False
    if not port_is_one or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address begins with https:// or http:// and names a host")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("an address holds no user, password or token; those have fields of their own")
    return text.rstrip("/")


def _verified(value: object) -> object:
    if value in (False, "false", "False", "0"):
        raise ValueError("certificates are always verified; give the path of the CA's certificate instead")
    return None if value is True else value


Prefix = Annotated[str, AfterValidator(_prefix), Field(description="The path below which everything is kept.")]
Address = Annotated[str, AfterValidator(_address)]
Verify = Annotated[
    str | None,
    BeforeValidator(_verified),
    Field(description="Path of the certificate of the CA that signed the server's; else the system's."),
]
Attempts = Annotated[int, Field(ge=1, le=20)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


def split_path(text: str) -> tuple[str, str]:
    """The bucket and the prefix of a 2.x `bucket_path`: "bucket/a/b", with or without "s3://" or "gs://"."""
    bucket, _, prefix = text.partition("://")[2].partition("/") if "://" in text else text.partition("/")
    return bucket, prefix.strip("/")


def without_bucket_path(given: Any, bucket: str) -> Any:
    """The same fields with a 2.x `bucket_path` as `bucket` and prefix; ValueError where those are given, too."""
    if not isinstance(given, Mapping) or "bucket_path" not in given:
        return given
    if bucket in given or "prefix" in given:
        raise ValueError(f"bucket_path is {bucket} and prefix in one: give either")
    names = dict(given)
    names[bucket], names["prefix"] = split_path(str(names.pop("bucket_path")))
    return names


class ObjectFields(BlockFields):
    """Fields that have these among them, each where the kind's description of itself wants it."""

    if TYPE_CHECKING:
        prefix: str
        connect_timeout: float
        read_timeout: float
