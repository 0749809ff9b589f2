"""What a kind of storage implements; it is defined in the SDK, which keeps results by it."""

from __future__ import annotations

from homeport.blobs import BlobStore

__all__ = ["BlobStore"]
