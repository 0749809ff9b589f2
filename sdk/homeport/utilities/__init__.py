"""Module paths of 1.x."""

from typing import TYPE_CHECKING

if not TYPE_CHECKING:
    from homeport.submodules import on_demand

    __getattr__ = on_demand(__name__, "annotations", "edges", "logging", "tasks")
