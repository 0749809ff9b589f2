"""What can be wrong with this machine's configuration."""

from __future__ import annotations


class ConfigError(Exception):
    """A setting, a profile or a file of them cannot be used: `message` says which, `hint` what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
