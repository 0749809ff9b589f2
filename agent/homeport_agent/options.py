"""How one agent was asked to behave."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path

import homeport

KIND = "local"
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """The command line's answers; `api_key` is the agent's own and never leaves this process."""

    api_url: str
    api_key: str = field(repr=False)
    home: Path
    name: str = ""
    queues: tuple[str, ...] = ("default",)
    labels: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    limit: int = 0
    max_polls: int | None = None
    health_address: tuple[str, int] | None = None
    show_flow_logs: bool = False

    @property
    def capacity(self) -> int:
        """How many runs at once: as asked, else two for each core that this process may use."""
        return self.limit or default_limit()

    @property
    def version(self) -> str:
        """Homeport's version, which the control plane shows beside the agent."""
        return homeport.__version__


def default_limit() -> int:
    """Two runs a core: most flows wait for something most of their time."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, 2 * available)


def default_name() -> str:
    """`local-<host>`; a second agent on the host becomes `local-<host>-2` (see name_lock.py)."""
    return f"{KIND}-{socket.gethostname()}"
