"""What is decided about kept results: may one stand for a call, and until when does a new one. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.results.options import CacheOptions, ResultOptions
    from homeport.results.records import Record

HIT = ""


def why_not_cached(
    record: Record | None, *, refresh: bool, now: datetime, is_valid: Callable[[Record], bool] | None = None
) -> str:
    """Why the record of a cache key is not used; empty (HIT) when it is."""
    if refresh:
        return "refresh_cache is on"
    if record is None:
        return "nothing is kept under the key"
    if record.is_expired(now):
        return f"what is kept expired at {record.expires}"
    if is_valid is not None and not is_valid(record):
        return "its validator refused what is kept"
    return HIT


def why_not_picked_up(record: Record | None, *, inputs: str | None) -> str:
    """Why the result of an earlier attempt of the same run is not used; empty (HIT) when it is.

    Its age does not matter: the run goes on. Its arguments do: a task's place in the run is a count of calls, and a
    flow that loops over something else this time calls the same task in the same place with other arguments.
    """
    if record is None:
        return "no earlier attempt kept a result"
    if record.inputs is None or inputs is None or record.inputs != inputs:
        return "it was called with other arguments"
    return HIT


def expiry(cache: CacheOptions | None, now: datetime) -> str | None:
    """Until when a result that is kept now may stand for other calls; None for ever."""
    if cache is None or cache.expires_after is None:
        return None
    return (now + cache.expires_after).isoformat(timespec="microseconds")


def is_kept(options: ResultOptions, *, checkpointing: bool) -> bool:
    """Whether a task with these options keeps its result."""
    if options.persist or options.cache is not None:
        return True
    asked = options.result is not None or options.target is not None
    return asked and options.checkpoint is not False and checkpointing
