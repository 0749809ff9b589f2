"""Stored API keys: in the OS keyring where there is one, else in a file that only its owner can read.

One key for each pair of profile and control plane. `keys.json` in the home folder says for which pairs there is one;
only without a keyring does it hold the keys themselves. So a command without a stored key never wakes the keyring,
which takes longer than the rest of the command.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from homeport.config.errors import ConfigError
from homeport.config.settings import Value

SERVICE = "homeport"


class Credentials:
    """The keys stored for a home folder."""

    def __init__(self, home: Path) -> None:
        self.path = home / "keys.json"

    def find(self, profile: str, url: str) -> Value:
        """The key for a control plane and where it lies; a Value of None when there is none."""
        entry = self._read().get(_name(profile, url))
        if entry is None:
            return Value(None, "nowhere (not logged in)", "default")
        if entry.get("in") == "keyring":
            return Value(_from_keyring(_name(profile, url)), "the OS keyring", "keyring")
        return Value(entry.get("key"), f"the file {self.path}", "key_file")

    def store(self, profile: str, url: str, key: str) -> str:
        """Keep a key; returns where, worded for a person."""
        name = _name(profile, url)
        entries = self._read()
        if _to_keyring(name, key):
            entries[name] = {"in": "keyring"}
            self._write(entries)
            return "the OS keyring"
        entries[name] = {"in": "file", "key": key}
        self._write(entries)
        return f"{self.path}, readable by you only (no OS keyring was found)"

    def forget(self, profile: str, url: str) -> bool:
        """Remove a key; False when there was none."""
        name = _name(profile, url)
        entries = self._read()
        entry = entries.pop(name, None)
        if entry is None:
            return False
        if entry.get("in") == "keyring":
            _out_of_keyring(name)
        self._write(entries)
        return True

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)  # copied or restored with wider rights than it was made with
            entries = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise ConfigError(f"{self.path} is damaged.", hint="Remove it, then: homeport auth login --key -") from None
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be read: {error.strerror}.") from None
        return entries if isinstance(entries, dict) else {}

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self.path.with_name(f".keys.{os.getpid()}.json")
        beside.unlink(missing_ok=True)
        # Made with these rights, not changed to them: there is no moment at which others can read it.
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(entries, file, indent=1)
        beside.replace(self.path)


def _name(profile: str, url: str) -> str:
    """`localhost` and `127.0.0.1` are one place; so are two spellings of a URL."""
    parts = urlsplit(url.strip())
    host = "127.0.0.1" if parts.hostname in ("localhost", "::1") else (parts.hostname or "")
    port = f":{parts.port}" if parts.port else ""
    return f"{profile} {parts.scheme}://{host}{port}{parts.path.rstrip('/').removesuffix('/graphql')}"


def _to_keyring(name: str, key: str) -> bool:
    """Whether the keyring took the key. It is read back: the null backend accepts everything and keeps nothing."""
    try:
        import keyring

        keyring.set_password(SERVICE, name, key)
        return keyring.get_password(SERVICE, name) == key
    except Exception:  # NoKeyringError, KeyringLocked, and whatever a backend's own library raises
        return False


def _from_keyring(name: str) -> str | None:
    try:
        import keyring

        return keyring.get_password(SERVICE, name)
    except Exception as error:
        raise ConfigError(
            f"The OS keyring cannot be read: {error or type(error).__name__}.",
            hint="Unlock it, or set HOMEPORT_API_KEY.",
        ) from None


def _out_of_keyring(name: str) -> None:
    import contextlib

    with contextlib.suppress(Exception):  # gone already, or locked: what counts is that we no longer use it
        import keyring

        keyring.delete_password(SERVICE, name)
