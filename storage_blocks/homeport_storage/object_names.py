"""What the fields of every object store share: a prefix, an address, and secrets that are resolved on use."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field


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


Prefix = Annotated[str, AfterValidator(_prefix), Field(description="The path below which everything is kept.")]
Address = Annotated[str, AfterValidator(_address)]
Attempts = Annotated[int, Field(ge=1, le=20)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


def split_path(text: str) -> tuple[str, str]:
    """The bucket and the prefix of a 2.x `bucket_path`: "bucket/a/b", with or without "s3://" or "gs://"."""
    bucket, _, prefix = text.partition("://")[2].partition("/") if "://" in text else text.partition("/")
    return bucket, prefix.strip("/")
