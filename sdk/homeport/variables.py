"""Variables as in 2.x: the same values as `homeport.kv`, under another name."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from homeport import kv
from homeport.runtime.connection import awaited_in_async, none_awaited_in_async


class Variable:
    """`Variable.get("name", default=None)`, `Variable.set("name", value)`; both can be awaited in async code."""

    @staticmethod
    def get(name: str, default: Any = None) -> Any:
        """The value, or the default."""
        return awaited_in_async(kv.get)(name, default)

    @staticmethod
    def set(name: str, value: Any) -> Awaitable[None]:
        """Keep the value."""
        return none_awaited_in_async(kv.set)(name, value)

    @staticmethod
    def unset(name: str) -> Awaitable[None]:
        """Delete the value."""
        return none_awaited_in_async(kv.delete)(name)


def get(name: str, default: Any = None) -> Any:
    """The value of the variable, or the default."""
    return Variable.get(name, default)
