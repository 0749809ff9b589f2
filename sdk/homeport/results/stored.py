"""What stands in a state for a result that is kept in storage and not held in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Stored:
    """A result that is read when it is asked for, each time."""

    __slots__ = ("_read", "reference")

    def __init__(self, reference: dict[str, Any], read: Callable[[], Any]) -> None:
        self.reference, self._read = reference, read

    def get(self) -> Any:
        """The value; raises ResultUnreadable or StorageError."""
        return self._read()

    def __repr__(self) -> str:
        return f"<Stored {self.reference.get('key')!r}>"


def unwrapped(data: Any) -> Any:
    """The value that a state's data stands for."""
    return data.get() if type(data) is Stored else data
