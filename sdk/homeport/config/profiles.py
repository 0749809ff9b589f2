"""config.toml: named profiles, each a set of settings, and which of them is in use."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.config.definitions import find
from homeport.config.errors import ConfigError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Profiles:
    """What config.toml says: the profile chosen with `profile use`, and each profile's settings."""

    path: Path
    chosen: str
    values: Mapping[str, Mapping[str, str]]


def read(home: Path) -> Profiles:
    """The profiles of a home folder; `default` always exists. ConfigError when the file cannot be understood."""
    path = home / "config.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Profiles(path, DEFAULT, {DEFAULT: {}})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not valid TOML: {error}.", hint="Mend that line, or move the file away."
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    tables = content.get("profiles", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ConfigError(f"{path}: `profiles` is not a table of tables.", hint="Write [profiles.default]")
    values: dict[str, dict[str, str]] = {DEFAULT: {}}
    values |= {name: _settings(path, name, table) for name, table in tables.items()}
    return Profiles(path, str(content.get("profile", DEFAULT)), values)


def set_value(home: Path, profile: str, name: str, value: str | None) -> None:
    """Write a setting into a profile; None removes it. Comments in the file are kept."""
    setting = find(name)
    if setting.secret:
        raise ConfigError(
            f"{setting.name} is a secret and is not written into config.toml.",
            hint="Store it with: homeport auth login --key -",
        )
    if setting.fixed:
        raise ConfigError(
            f"{setting.name} stands above the profiles.",
            hint=f"Set the variable {setting.variable}"
            + (", or: homeport profile use NAME" if setting.name == "profile" else "."),
        )
    with _Editing(home) as document:
        table = _table(document, profile)
        if value is None:
            table.pop(setting.name, None)
        else:
            table[setting.name] = value


def create(home: Path, name: str, *, copy_of: str | None = None) -> None:
    """Add a profile; ConfigError when there is one of that name."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be a profile's name.", hint="Use letters, digits, dots, dashes, underscores."
        )
    existing = read(home).values
    if name in existing:
        raise ConfigError(f"There is a profile {name!r} already.", hint=f"Use it with: homeport profile use {name}")
    with _Editing(home) as document:
        table = _table(document, name)
        for key, value in existing[require(home, copy_of)].items() if copy_of else ():
            table[key] = value


def use(home: Path, name: str) -> None:
    """Make a profile the one in use."""
    require(home, name)
    with _Editing(home) as document:
        document["profile"] = name


def delete(home: Path, name: str) -> None:
    """Remove a profile, which must not be the one in use."""
    require(home, name)
    if name == read(home).chosen:
        raise ConfigError(f"The profile {name!r} is in use.", hint="First: homeport profile use OTHER")
    with _Editing(home) as document:
        document.get("profiles", {}).pop(name, None)


def rename(home: Path, name: str, new: str) -> None:
    """Give a profile another name; it stays in use if it was."""
    create(home, new, copy_of=require(home, name))
    chosen = read(home).chosen == name
    with _Editing(home) as document:
        if chosen:
            document["profile"] = new
        document.get("profiles", {}).pop(name, None)


def require(home: Path, name: str) -> str:
    """The name, if there is such a profile; ConfigError with those that are otherwise."""
    names = read(home).values
    if name not in names:
        raise ConfigError(
            f"There is no profile {name!r}.",
            hint=f"Profiles: {', '.join(names)}. Make it with: homeport profile create {name}",
        )
    return name


def _settings(path: Path, profile: str, table: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {find(name).name: str(value) for name, value in table.items()}
    except ConfigError as error:
        raise ConfigError(f"{path}, profile {profile!r}: {error.message}", hint=error.hint) from None


def _table(document: TOMLDocument, profile: str) -> Any:
    import tomlkit

    profiles = document.setdefault("profiles", tomlkit.table(is_super_table=True))
    if profile not in profiles:
        profiles[profile] = tomlkit.table()
    return profiles[profile]


class _Editing:
    """The file as a document to change; written whole, to a file beside it, so that a crash leaves the old one."""

    def __init__(self, home: Path) -> None:
        self._path = read(home).path  # also refuses a file that cannot be understood, before it is overwritten

    def __enter__(self) -> TOMLDocument:
        import tomlkit

        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        self._document = tomlkit.parse(text)
        return self._document

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._path.with_name(f".config.{os.getpid()}.toml")
        beside.write_text(self._document.as_string(), encoding="utf-8")
        beside.replace(self._path)
