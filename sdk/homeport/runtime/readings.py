"""Modules whose names are read from the run when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from homeport import context


def read_from_context(module: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a module: each name with the name in `homeport.context` that has its value."""

    def read(name: str) -> Any:
        if name in names:
            return context.get(names[name])
        raise AttributeError(f"{module} has no {name!r}; it has: {', '.join(names)}")

    return read, lambda: sorted(names)
