"""Why the control plane could not start, for a person: what was found, and what to do."""

from __future__ import annotations


class StartupError(Exception):
    """The process ends with code 2 and says `message` and `hint`; there is nothing to retry by itself."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
