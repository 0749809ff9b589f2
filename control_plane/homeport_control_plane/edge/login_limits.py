"""How often a wrong key may be tried: by the key it claims to be, and by the address it comes from.

A key that was right a while ago is not held up by its neighbour's mistakes: the limit of the address is for strangers
only.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from homeport_control_plane.edge.refusals import Refusal

WINDOW: Final = 60.0
FAILURES_OF_A_KEY: Final = 20
FAILURES_OF_AN_ADDRESS: Final = 100
REMEMBERED: Final = 10_000


class LoginLimits:
    """Counts failures over the last minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, *, key: str | None = None, address: str | None = None) -> None:
        """Raises Refusal (429) where too many failures lie behind this key id or this address."""
        self._check(f"key {key}", FAILURES_OF_A_KEY)
        self._check(f"address {address}", FAILURES_OF_AN_ADDRESS)

    def failed(self, *, key: str | None, address: str | None) -> None:
        """Notes a failure of both."""
        for who in ([f"key {key}"] if key else []) + ([f"address {address}"] if address else []):
            times = self._failures.setdefault(who, deque(maxlen=max(FAILURES_OF_A_KEY, FAILURES_OF_AN_ADDRESS)))
            self._failures.move_to_end(who)
            times.append(self._clock())
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def _check(self, who: str, allowed: int) -> None:
        times = self._failures.get(who)
        if times is None:
            return
        while times and times[0] <= self._clock() - WINDOW:
            times.popleft()
        if len(times) >= allowed:
            wait = math.ceil(times[-allowed] + WINDOW - self._clock())
            raise Refusal(
                429,
                "RATE_LIMITED",
                "Too many failed attempts with this key or from this address.",
                hint=f"Check the key (homeport auth status) and try again in {wait} s.",
                headers={"Retry-After": str(wait)},
            )
