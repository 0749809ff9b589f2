"""Exceptions by which a task says how it ends: raise SKIP("nothing new today")."""

from __future__ import annotations

from typing import Any


class Signal(Exception):  # noqa: N818 - the 1.x names are what users type
    """The base of all signals; `result` becomes the state's result."""

    def __init__(self, message: str = "", *, result: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.result = result


class FAIL(Signal):
    """The task failed, and is retried if retries are left."""


class SKIP(Signal):
    """The task has nothing to do; tasks behind it are skipped too, unless they say otherwise."""


class SUCCESS(Signal):
    """The task is done."""


class RETRY(Signal):
    """Call the task again, whatever retries are left, after `seconds` (the task's own delay if not given)."""

    def __init__(self, message: str = "", *, seconds: float | None = None, result: Any = None) -> None:
        super().__init__(message, result=result)
        self.seconds = seconds


class TRIGGERFAIL(Signal):
    """Raised by a trigger: the task may not run."""
