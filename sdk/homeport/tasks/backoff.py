"""Delays that grow with each retry."""

from __future__ import annotations

from collections.abc import Callable


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """For `retry_delay_seconds`: `backoff_factor` seconds before the first retry, twice as long before each next.

    Raises ValueError for a negative number.
    """
    if backoff_factor < 0:
        raise ValueError(f"backoff_factor is a number of seconds, 0 or more; it was given {backoff_factor!r}.")

    def delays(retries: int) -> list[float]:
        return [backoff_factor * 2**retry for retry in range(retries)]

    return delays
