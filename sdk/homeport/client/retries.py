"""The one place that decides what is worth asking again, and how long to wait before."""

from __future__ import annotations

import random as _random
from collections.abc import Callable

from homeport.client.errors import ClientError, Unavailable, Unreachable

FIRST_DELAY = 0.1
LONGEST_DELAY = 15.0


def retry_delay(
    error: BaseException,
    failures: int,
    *,
    longest: float = LONGEST_DELAY,
    random: Callable[[], float] = _random.random,
) -> float | None:
    """Seconds to wait before asking again after `failures` (>= 1) failures in a row; None when it is of no use.

    Doubles from 0.1 s to `longest`, with full jitter above one half, so that agents which lost the same control plane
    do not come back in step. A control plane that says when to come back is believed, up to `longest`.
    """
    if not isinstance(error, ClientError) or not isinstance(error, Unreachable):
        return None
    if isinstance(error, Unavailable) and error.retry_after is not None:
        return min(error.retry_after, longest) * (1 + random() / 4)
    ceiling = min(FIRST_DELAY * 2.0 ** min(failures - 1, 30), longest)
    return ceiling * (0.5 + random() / 2)
