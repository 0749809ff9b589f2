"""Settings, profiles and keys: what this machine knows about control planes, and where each value came from."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.config.credentials import Credentials as Credentials
    from homeport.config.errors import ConfigError as ConfigError
    from homeport.config.settings import Settings as Settings
    from homeport.config.settings import load_settings as load_settings

_HOMES = {
    "ConfigError": "errors",
    "Credentials": "credentials",
    "Settings": "settings",
    "load_settings": "settings",
}

__all__ = ["ConfigError", "Credentials", "Settings", "load_settings"]


if not TYPE_CHECKING:  # a checker would take any name for one that is there

    def __getattr__(name: str) -> Any:
        try:
            home = _HOMES[name]
        except KeyError:
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}. Settings are variables HOMEPORT_... or `homeport "
                f"config set`; load_settings() reads them. What flows and tasks keep is said by their arguments "
                f"(persist_result=)"
            ) from None
        return getattr(import_module(f"{__name__}.{home}"), name)
