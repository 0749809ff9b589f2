"""What the process is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where to listen, where the data is, whom to tell."""

    host: str
    port: int
    data_dir: Path
    database_url: str | None = None
    ready_fd: int | None = None
    die_with_parent: bool = False
    log_format: str = "text"
