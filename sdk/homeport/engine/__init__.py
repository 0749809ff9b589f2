"""The engine: what decides is pure, two thin drivers call the user's functions."""

from typing import TYPE_CHECKING

if not TYPE_CHECKING:
    from homeport.submodules import on_demand

    __getattr__ = on_demand(__name__, "cache_validators", "result", "results", "serializers", "signals", "state")
