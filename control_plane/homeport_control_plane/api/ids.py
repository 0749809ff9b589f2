"""Ids as callers write them."""

from __future__ import annotations

from uuid import UUID

from homeport_control_plane.errors import NotFound


def id_of(kind: str, ref: str) -> UUID:
    """The id in this text. Raises NotFound where it is none, because nothing can have such an id."""
    try:
        return UUID(ref)
    except ValueError:
        raise NotFound(kind, ref[:80]) from None
