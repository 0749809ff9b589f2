"""Each setting's value and where it came from: argument, environment, `.env`, profile, default; the first wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeport.config import env_file, profiles
from homeport.config.definitions import SETTINGS, find
from homeport.config.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value (None: not set) and its source, worded for a person: `the variable HOMEPORT_API_URL`."""

    value: str | None
    source: str
    origin: str  # argument | environment | env_file | profile | default | keyring | key_file


@dataclass(frozen=True)
class Settings:
    """All settings as they hold for this process."""

    home: Path
    profile: str
    values: Mapping[str, Value] = field(repr=False)

    def get(self, name: str) -> Value:
        """A setting by name; ConfigError for an unknown one."""
        return self.values[find(name).name]

    @property
    def api_url(self) -> str:
        """The control plane's address."""
        return self._text("api_url")

    @property
    def api_key(self) -> str | None:
        """The key: HOMEPORT_API_KEY if set, else the stored one of this profile and address."""
        return self.key().value

    @property
    def storage(self) -> Path:
        """The folder that keeps code."""
        return Path(self._text("storage").replace("{home}", str(self.home))).expanduser()

    @property
    def storage_block(self) -> str | None:
        """The block in whose storage code is kept, in place of the folder; a folder that was chosen goes before it."""
        if self.values["storage"].origin == "argument":
            return None
        return self.values["storage_block"].value or None

    @property
    def results(self) -> Path:
        """The folder that keeps results."""
        return Path(self._text("results").replace("{home}", str(self.home))).expanduser().absolute()

    @property
    def result_max_bytes(self) -> int:
        """How many bytes a serialized result may have; 0 for no limit."""
        return self._limit("result_max_bytes", "bytes")

    @property
    def sent_max_bytes(self) -> int:
        """How many bytes a task's arguments or its result may have on the way to a worker or back; 0 for no limit."""
        return self._limit("sent_max_bytes", "bytes")

    @property
    def code_max_files(self) -> int:
        """How many files a source tree may have; 0 for no limit."""
        return self._limit("code_max_files", "files")

    @property
    def code_max_bytes(self) -> int:
        """How many bytes a source tree may have; 0 for no limit."""
        return self._limit("code_max_bytes", "bytes")

    @property
    def project(self) -> str:
        """The project of deployments that name none."""
        return self._text("project")

    @property
    def queue(self) -> str:
        """The work queue to use unless told otherwise."""
        return self._text("queue")

    @property
    def timeout_seconds(self) -> float:
        """How long to wait for one answer."""
        value = self.get("timeout_seconds")
        try:
            seconds = float(value.value or "")
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < 3600:
            raise ConfigError(
                f"timeout_seconds is {value.value!r}, from {value.source}; it must be a number of seconds."
            )
        return seconds

    def key(self) -> Value:
        """The key and where it came from. Looking into the OS keyring takes its time: ask only when needed."""
        given = self.values["api_key"]
        if given.value:
            return given
        from homeport.config.credentials import Credentials

        return Credentials(self.home).find(self.profile, self.api_url)

    def _limit(self, name: str, of: str) -> int:
        value = self.get(name)
        text = (value.value or "").strip().replace("_", "")
        if not text.isdecimal():
            raise ConfigError(
                f"{name} is {value.value!r}, from {value.source}; it must be a number of {of} (0: no limit)."
            )
        return int(text)

    def _text(self, name: str) -> str:
        value = self.values[name].value
        assert value is not None, f"the setting {name} has a default"
        return value


def load_settings(
    arguments: Mapping[str, str | None] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """The settings for this process: `arguments` are those given on a command line (None: not given).

    Raises ConfigError for a config.toml that cannot be understood and for a profile that does not exist.
    """
    given = {name: value for name, value in (arguments or {}).items() if value is not None}
    environ = os.environ if environ is None else environ
    local = env_file.read(Path.cwd() if folder is None else folder)
    above = _Layers(given, environ, local)
    home = Path(above.find("home", {}, "").value or "").expanduser().absolute()
    known = profiles.read(home)
    profile = _profile(above, known)
    name = f"profile {profile!r} in {known.path}"
    values = {setting: above.find(setting, known.values[profile], name) for setting in SETTINGS}
    values["profile"] = Value(profile, values["profile"].source, values["profile"].origin)
    return Settings(home, profile, values)


def _profile(above: _Layers, known: profiles.Profiles) -> str:
    asked = above.find("profile", {}, "")
    name = asked.value or known.chosen
    if name not in known.values:
        where = asked.source if asked.value else str(known.path)
        raise ConfigError(
            f"There is no profile {name!r} (named by {where}).",
            hint=f"Profiles: {', '.join(known.values)}. Make it with: homeport profile create {name}",
        )
    return name


@dataclass(frozen=True, slots=True)
class _Layers:
    given: Mapping[str, str]
    environ: Mapping[str, str]
    local: Mapping[str, str]

    def find(self, name: str, profile: Mapping[str, str], profile_name: str) -> Value:
        setting = SETTINGS[name]
        if name in self.given:
            return Value(self.given[name], f"the option --{setting.option or name}", "argument")
        # An empty variable is how shells and compose files say "not set".
        if self.environ.get(setting.variable):
            return Value(self.environ[setting.variable], f"the variable {setting.variable}", "environment")
        if self.local.get(setting.variable):
            return Value(self.local[setting.variable], f"{setting.variable} in .env", "env_file")
        if name in profile:
            return Value(profile[name], profile_name, "profile")
        return Value(setting.default, "the default", "default")
