"""Caching: keys of calls that are the same, and the digests they are made of."""

from __future__ import annotations

from homeport.caching.hashing import digest, hash_objects
from homeport.caching.keys import task_input_hash

__all__ = ["digest", "hash_objects", "task_input_hash"]
