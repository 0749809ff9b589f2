"""Every interval and deadline of the control plane in one frozen value, passed in where it is needed.

All values are seconds. The server tells agents what they may change their mind about, so these can be tuned without
touching an agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from homeport_control_plane.startup_errors import StartupError


@dataclass(frozen=True, slots=True)
class Timings:
    """Defaults of the protocol; tests pass shorter ones."""

    poll_held: float = 25.0
    slow_scan: float = 5.0
    heartbeat: float = 10.0
    claimed_lease: float = 60.0
    started_lease: float = 60.0
    agent_offline: float = 30.0
    cancel_grace: float = 10.0
    log_flush: float = 1.0
    late_after: float = 15.0
    run_token_after_end: float = 600.0
    key_use_noted: float = 60.0
    notify_gap: float = 0.005
    rescue_every: float = 2.0
    late_every: float = 5.0
    pause_every: float = 5.0
    schedule_every: float = 5.0
    schedule_ahead: float = 3600.0
    partitions_every: float = 3600.0
    max_lost_attempts: int = 3
    max_batch_bytes: int = 1024 * 1024
    partitions_ahead_days: int = 7


DEFAULT_TIMINGS = Timings()
PREFIX = "HOMEPORT_SERVER_"


def from_environment(environment: Mapping[str, str]) -> Timings:
    """The defaults, each replaced by its variable where that is set: HOMEPORT_SERVER_STARTED_LEASE=20, and so on.

    Raises StartupError that names the variable when its value is no positive number.
    """
    found: dict[str, Any] = {}
    for field in fields(Timings):
        text = environment.get(PREFIX + field.name.upper())
        if text is None:
            continue
        try:
            number = type(field.default)(text)  # type: ignore[misc]  # every field has a number for a default
        except ValueError:
            number = 0
        if not 0 < number < 10**9:
            raise StartupError(
                f"{PREFIX}{field.name.upper()} is {text!r}, which is not a positive number.",
                hint=f"Unset it to use {field.default}.",
            )
        found[field.name] = number
    return Timings(**found)
