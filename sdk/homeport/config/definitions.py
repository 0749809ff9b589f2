"""The table of settings: each has a name, an environment variable and a default."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from homeport.config.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `secret` ones are never written into config.toml nor shown, `fixed` ones stand above profiles."""

    name: str
    default: str | None
    about: str
    secret: bool = False
    fixed: bool = False
    option: str | None = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"HOMEPORT_{self.name.upper()}"


_TABLE = (
    Setting("home", "~/.homeport", "Folder of config.toml, keys, the server's data and the agent's cache", fixed=True),
    Setting("profile", None, "The profile in use; else the one chosen by `homeport profile use`", fixed=True),
    Setting("api_url", "http://127.0.0.1:4700", "Address of the control plane", option="api"),
    Setting("api_key", None, "API key; wins over the stored one", secret=True, option="key"),
    Setting("storage", "{home}/storage", "Folder in which `register` stores code"),
    Setting("storage_block", None, "Block TYPE/NAME in whose storage `register` stores code, in place of the folder"),
    Setting("code_max_files", "20000", "Most files of one source tree that `register` sends; 0 for no limit"),
    Setting("code_max_bytes", "268435456", "Most bytes of one source tree that `register` sends; 0 for no limit"),
    Setting("results", "{home}/results", "Folder that keeps results of tasks and flows, unless they say otherwise"),
    Setting("result_max_bytes", "1073741824", "Largest serialized result that is kept, in bytes; 0 for no limit"),
    Setting("sent_max_bytes", "1073741824", "Most bytes of a task's arguments or result that go to a worker or back"),
    Setting("project", "default", "Project of deployments that name none; `default` is made when it is first needed"),
    Setting("queue", "default", "Work queue that `register` and agents use unless told otherwise"),
    Setting("record_runs", None, "Project in which runs of flows that are called here are recorded; else they are not"),
    Setting("timeout_seconds", "30", "How long to wait for one answer of the control plane"),
)

SETTINGS: dict[str, Setting] = {setting.name: setting for setting in _TABLE}


def find(name: str) -> Setting:
    """The setting of that name, written as in config.toml or as its variable; ConfigError names the nearest."""
    plain = name.strip().lower().replace("-", "_").replace(".", "_").removeprefix("homeport_")
    if plain in SETTINGS:
        return SETTINGS[plain]
    near = difflib.get_close_matches(plain, SETTINGS, n=1)
    raise ConfigError(
        f"There is no setting {name!r}.",
        hint=f"Did you mean {near[0]}?" if near else f"Settings: {', '.join(SETTINGS)}",
    )
