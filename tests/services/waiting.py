"""Waiting for a fact instead of for a number of seconds."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], *, what: str, within: float = 30.0, every: float = 0.05) -> T:
    """The first true value of `look`; fails with `what` and the last thing seen when `within` seconds have passed."""
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}; last seen: {seen!r}")
        time.sleep(every)
