"""What the settings say about place and size of results, read once for as long as the environment is the same."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_VARIABLES = (
    "HOMEPORT_HOME",
    "HOMEPORT_PROFILE",
    "HOMEPORT_RESULTS",
    "HOMEPORT_RESULT_MAX_BYTES",
    "HOMEPORT_SENT_MAX_BYTES",
    "HOME",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where results are kept that say nothing else, and how many bytes one may have (0: no limit).

    `sent_bytes` is how many a task's arguments, or its result, may have that go to a worker process, Dask or Ray.
    """

    folder: Path
    max_bytes: int
    sent_bytes: int


def of_process() -> Limits:
    """The settings as they hold now; raises ConfigError. A changed config.toml is seen by the next process."""
    return _read(tuple(os.environ.get(name) for name in _VARIABLES))


@lru_cache(maxsize=8)
def _read(environment: tuple[str | None, ...]) -> Limits:
    from homeport.config import load_settings

    settings = load_settings()
    return Limits(settings.results, settings.result_max_bytes, settings.sent_max_bytes)
