"""The one line of JSON that tells whoever spawned the server that it is ready, or why it is not."""

from __future__ import annotations

import contextlib
import json
import os
import sys

from homeport_control_plane.startup_errors import StartupError


class Readiness:
    """Writes the line once, to the file descriptor given, if one was."""

    def __init__(self, descriptor: int | None, *, is_told: bool = False) -> None:
        """`is_told`: whoever reads the line tells a person what went wrong; then it is not said twice."""
        self._descriptor = descriptor
        self._is_told = is_told and descriptor is not None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.set_inheritable(descriptor, False)  # PostgreSQL must not hold it open

    def ready(self, **facts: object) -> None:
        """Tells the facts: url, pid, version, database and its place, and the admin key if one was just made."""
        self._write({name: fact for name, fact in facts.items() if fact is not None})

    def failed(self, error: StartupError) -> None:
        """Tells what went wrong and what to do; on stderr too, because a person may be there instead of a program."""
        if not self._is_told:
            sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        self._write({"error": error.message, "hint": error.hint})

    def _write(self, line: dict[str, object]) -> None:
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):  # nobody waits for it any more
            os.write(self._descriptor, json.dumps(line).encode() + b"\n")
            os.close(self._descriptor)
        self._descriptor = None
