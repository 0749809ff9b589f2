"""Identifiers: UUIDs of version 7, so that newer rows sort after older ones."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh identifier."""
    return uuid7()
