"""What a package has and does not import before somebody names it: modules by attribute, and names with what they need.

Modules are reached after a bare `import homeport`, as `prefect.engine.signals.SKIP` was; type checkers see them once
they are imported where they are used. A name brings no more than its own module does: a command that lists runs
needs no pydantic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(package: str, *names: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package with these submodules."""

    def found(name: str) -> Any:
        if name in names:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return found


def names_on_demand(package: str, homes: Mapping[str, str], otherwise: str = "") -> Callable[[str], Any]:
    """The `__getattr__` of a package each of whose names lies in one of its submodules: {"read_result": "reading"}.

    `otherwise` goes on with the message about a name that it does not have.
    """

    def found(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}{otherwise}")

    return found
