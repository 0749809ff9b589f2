"""Secrets by name: `Secret("DB_PASSWORD").get()`, wherever this machine keeps it."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeport.blocks.lazily import Lazily
from homeport.config import env_file
from homeport.secrets.errors import SecretError, SecretNotFound
from homeport.secrets.references import from_keyring, resolve
from homeport.secrets.values import SecretValue

PREFIX = "HOMEPORT__CONTEXT__SECRETS__"
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")


class Secret(Lazily):
    """A secret by name. Making one looks nowhere; `get()` does, in this order, and the first that has it wins:

    what `with homeport.context(secrets={...})` says, the variable `HOMEPORT__CONTEXT__SECRETS__NAME` (in a `.env` of
    the working folder, too), the variable `NAME`, the OS keyring (service `homeport`, account `NAME`); one that was
    made by `load` then asks the block `secret/NAME` where it is kept.

    Raises ValueError for what is no name, and for a secret in the place of one.
    """

    _may_be_block = False

    def __init__(self, name: str = "", *, value: object = None) -> None:
        if value is not None:
            raise ValueError(
                "Secret(value=...) of 2.x gives a secret to the server, and here it stays with you: keep it on the "
                "machines that need it (keyring set homeport NAME), say where (homeport block create secret/NAME "
                "--secret value=keyring:NAME), and write Secret.load('NAME')."
            )
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                "A secret's name has letters, digits, '_', '-' and '.' only. Secret(...) takes the name under which a "
                "secret is kept, not the secret."
            )
        self.name = name

    @classmethod
    def load(cls, name: str) -> Secret:
        """The secret of this name, or of the block secret/NAME; the 2.x spelling."""
        loaded = cls(name)
        loaded._may_be_block = True
        return loaded

    def _fetch(self) -> None:
        """Nothing yet: `get` looks."""

    def get(self) -> Any:
        """The value; of a JSON object or list, what it says. Raises SecretNotFound, which says where it looked."""
        return self.value().get()

    def value(self) -> SecretValue:
        """The value in a wrapper that does not show it. Raises SecretNotFound, which says where it looked."""
        if (said := self._said()) is not None:
            return SecretValue(said, self.name)
        text = self._text()
        if text is None and self._may_be_block:
            text = self._of_block()
        if text is None:
            nor = f", and no block secret/{self.name}" if self._may_be_block else ""
            raise SecretNotFound(
                self.name,
                f"There is no secret {self.name!r} here{nor}.",
                f"Set the variable {PREFIX}{self.name} or {self.name}, or keep it in the keyring: "
                f"keyring set homeport {self.name}",
            )
        return SecretValue(_read(text), self.name)

    def exists(self) -> bool:
        """Whether this machine has it."""
        return self._said() is not None or self._text() is not None

    def _said(self) -> Any:
        """What `with homeport.context(secrets={...})` says, as tests of 1.x flows do."""
        from homeport.engine import current

        said = current.values.get().get("secrets")
        return said.get(self.name) if isinstance(said, Mapping) else None

    def _text(self) -> str | None:
        here = os.environ.get(PREFIX + self.name) or env_file.read(Path.cwd()).get(PREFIX + self.name)
        return here or os.environ.get(self.name) or self._kept()

    def _of_block(self) -> str | None:
        """What the block's reference names; None where there is no such block, or nobody who could say."""
        from homeport.blocks import BlockError, BlockNotFound, load_block
        from homeport.runtime.connection import NotConnected

        try:
            kept = load_block(f"secret/{self.name}")
        except (BlockNotFound, BlockError, NotConnected):
            return None
        try:
            return str(resolve(kept.secrets["value"]).get())
        except SecretError as error:
            where = f"The block {kept.slug}, on {platform.node() or 'this machine'}: {error.found}"
            raise type(error)(error.reference, where, error.mend) from None

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
