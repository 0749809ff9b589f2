"""Modules that are reached by attribute after a bare `import homeport`, as `prefect.engine.signals.SKIP` was.

They are imported when they are first named. Type checkers see them once they are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def on_demand(package: str, *names: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package with these submodules."""

    def found(name: str) -> Any:
        if name in names:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return found
