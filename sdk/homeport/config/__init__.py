"""Settings, profiles and keys: what this machine knows about control planes, and where each value came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from homeport.submodules import names_on_demand

    __getattr__ = names_on_demand(
        __name__,
        _HOMES,
        ". Settings are variables HOMEPORT_... or `homeport config set`; load_settings() reads them. What flows and "
        "tasks keep is said by their arguments (persist_result=)",
    )
