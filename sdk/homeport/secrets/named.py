"""Secrets by name: `Secret("DB_PASSWORD").get()`, wherever this machine keeps it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from homeport.config import env_file
from homeport.secrets.references import SecretNotFound, from_keyring
from homeport.secrets.values import SecretValue

PREFIX = "HOMEPORT__CONTEXT__SECRETS__"
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")


class Secret:
    """A secret by name. Making one looks nowhere; `get()` does, in this order, and the first that has it wins:

    the variable `HOMEPORT__CONTEXT__SECRETS__NAME` (in a `.env` of the working folder, too), the variable `NAME`, the
    OS keyring (service `homeport`, account `NAME`).
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                "A secret's name has letters, digits, '_', '-' and '.' only. Secret(...) takes the name under which a "
                "secret is kept, not the secret."
            )
        self.name = name

    @classmethod
    def load(cls, name: str) -> Secret:
        """The secret of this name; the 2.x spelling."""
        return cls(name)

    def get(self) -> Any:
        """The value; of a JSON object or list, what it says. Raises SecretNotFound, which says where it looked."""
        return self.value().get()

    def value(self) -> SecretValue:
        """The value in a wrapper that does not show it."""
        text = self._text()
        if text is None:
            raise SecretNotFound(
                self.name,
                f"There is no secret {self.name!r} here. Set the variable {PREFIX}{self.name} or {self.name}, or keep "
                f"it in the keyring: keyring set homeport {self.name}",
            )
        return SecretValue(_read(text), self.name)

    def exists(self) -> bool:
        """Whether this machine has it."""
        return self._text() is not None

    def _text(self) -> str | None:
        here = os.environ.get(PREFIX + self.name) or env_file.read(Path.cwd()).get(PREFIX + self.name)
        return here or os.environ.get(self.name) or self._kept()

    def _kept(self) -> str | None:
        try:
            return from_keyring(self.name)
        except SecretNotFound:  # no keyring on this machine: then it is not there
            return None

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"


def _read(text: str) -> Any:
    """1.x reads every value as JSON; here only what must be: a password of digits stays the text that it is."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
