"""Storages under the names that 2.x gives them; they are those of homeport.storage, and blocks by `load` and `save`.

from homeport.filesystems import S3

S3(bucket="flows", region="eu-central-1").save("prod")
flow.storage = S3.load("prod")
"""

from __future__ import annotations

from typing import Any, NoReturn

from homeport.storage import GCS, S3, SMB, Azure, Bitbucket, Git, GitHub, GitLab, LocalFileSystem

__all__ = [
    "GCS",
    "S3",
    "SMB",
    "Azure",
    "Bitbucket",
    "Git",
    "GitHub",
    "GitLab",
    "LocalFileSystem",
    "RemoteFileSystem",
]

_INSTEAD = {
    "s3": "homeport.filesystems.S3(bucket=..., prefix=..., endpoint_url=...)",
    "s3a": "homeport.filesystems.S3(bucket=..., prefix=..., endpoint_url=...)",
    "gs": "homeport.filesystems.GCS(bucket=..., prefix=...)",
    "gcs": "homeport.filesystems.GCS(bucket=..., prefix=...)",
    "az": "homeport.filesystems.Azure(container=..., prefix=...)",
    "abfs": "homeport.filesystems.Azure(container=..., prefix=...)",
    "smb": "homeport.filesystems.SMB(host=..., share=..., path=...)",
    "github": "homeport.filesystems.GitHub(repo=...)",
    "file": "homeport.filesystems.LocalFileSystem(basepath=...)",
}


class RemoteFileSystem:
    """2.x's way into fsspec, which is not here: each kind of storage has a class, and a block type, of its own."""

    def __init__(self, basepath: str = "", settings: dict[str, Any] | None = None) -> None:
        _refuse(basepath.partition("://")[0])

    @classmethod
    def load(cls, name: str) -> NoReturn:
        """Raises TypeError, which says what there is instead."""
        _refuse("")


def _refuse(scheme: str) -> NoReturn:
    instead = _INSTEAD.get(scheme, "S3, GCS, Azure, SMB, GitHub or LocalFileSystem of homeport.filesystems")
    raise TypeError(
        f"RemoteFileSystem, 2.x's way into fsspec, is not a storage here. Use {instead}; a server that speaks the "
        "protocol of S3 (MinIO and others) is S3 with its endpoint_url. `homeport block type ls` lists all kinds."
    )
