"""Every interval and deadline of the control plane in one frozen value, passed in where it is needed.

All values are seconds. The server tells agents what they may change their mind about, so these can be tuned without
touching an agent.
"""

from __future__ import annotations

from dataclasses import dataclass


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
    partitions_every: float = 3600.0
    max_lost_attempts: int = 3
    max_batch_bytes: int = 1024 * 1024
    partitions_ahead_days: int = 7


DEFAULT_TIMINGS = Timings()
