"""An outage of the control plane, told in two lines: when it begins, and when it is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable


class Outage:
    """Counts failures in a row."""

    def __init__(self, log: logging.Logger, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._url = url
        self._clock = clock
        self._failures = 0
        self._since = 0.0

    def goes_on(self, why: str) -> int:
        """Another failure; how many there were in a row."""
        self._failures += 1
        if self._failures == 1:
            self._since = self._clock()
        if self._failures == 2:  # a single lost answer is not worth a line
            self._log.warning("no answer from the control plane (%s); runs go on, asking again until it is back", why)
        return self._failures

    def over(self) -> None:
        """An answer came."""
        if self._failures >= 2:
            self._log.info("the control plane answers again, after %.0f s", self._clock() - self._since)
        self._failures = 0
