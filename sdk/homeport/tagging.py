"""Tags on everything that is made, or run, in a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from homeport.engine import current


@contextmanager
def tags(*names: str) -> Iterator[frozenset[str]]:
    """Tasks that are defined in this block carry these tags, and so do runs of flows and tasks that begin in it."""
    token = current.tag_set.set(current.tag_set.get() | checked_tags(names, of="tags(...)"))
    try:
        yield current.tag_set.get()
    finally:
        current.tag_set.reset(token)


def checked_tags(given: Iterable[str] | None, *, of: str) -> frozenset[str]:
    """The tags as a set; raises TypeError, naming whose they are, for what is no list of texts."""
    names = () if given is None or isinstance(given, str) else tuple(given)
    if isinstance(given, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{of}: tags are a list of texts, such as ['db', 'slow']; it was given {given!r}.")
    return frozenset(names)
