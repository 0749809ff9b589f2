"""Tags on everything that is made in a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from homeport.engine import current


@contextmanager
def tags(*names: str) -> Iterator[frozenset[str]]:
    """Tasks that are defined in this block carry these tags."""
    token = current.tag_set.set(current.tag_set.get() | frozenset(names))
    try:
        yield current.tag_set.get()
    finally:
        current.tag_set.reset(token)
