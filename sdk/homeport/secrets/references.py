"""The one place where a reference to a secret becomes its value: `env:NAME`, `keyring:NAME`, `file:PATH`.

Blocks, storage and settings carry references; whoever needs the value calls `resolve` on the customer's side.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from homeport.secrets.values import SecretValue

SERVICE = "homeport"


class InvalidReference(ValueError):  # noqa: N818 - named for what happened
    """The text is no reference to a secret."""


class SecretNotFound(LookupError, ValueError):  # noqa: N818 - named for what happened; a ValueError, as in 1.x
    """Nothing is kept under this reference; `reference` says which."""

    def __init__(self, reference: str, message: str) -> None:
        super().__init__(message)
        self.reference = reference

    def __str__(self) -> str:
        return str(self.args[0])


def resolve(reference: str, *, environ: Mapping[str, str] | None = None) -> SecretValue:
    """The value that a reference names: `env:NAME`, `keyring:SERVICE/NAME` (or `keyring:NAME`), `file:/path`.

    From now on it is masked in everything that this process reports. Raises InvalidReference for a text of another
    form, and SecretNotFound, which says where it looked.
    """
    kind, _, name = reference.partition(":")
    look = _KINDS.get(kind)
    if look is None or not name.strip():
        raise InvalidReference(
            f"{_shown(reference)} is no reference to a secret. Write env:NAME, keyring:NAME or file:/path."
        )
    return SecretValue(look(name.strip(), os.environ if environ is None else environ), reference)


def is_reference(text: str) -> bool:
    """Whether the text has the form of a reference."""
    kind, _, name = text.partition(":")
    return kind in _KINDS and bool(name.strip())


def from_keyring(name: str) -> str | None:
    """What the OS keyring keeps under `SERVICE/NAME`, or under NAME for the service homeport; None for nothing."""
    service, _, account = name.rpartition("/")
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(service or SERVICE, account)
    except KeyringError as error:
        raise SecretNotFound(
            f"keyring:{name}",
            f"The secret keyring:{name} cannot be read: {error or type(error).__name__}. "
            f"Unlock the keyring, or use env:NAME or file:/path.",
        ) from None


def _of_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        raise SecretNotFound(f"env:{name}", f"The secret env:{name} is not there: the variable {name} is not set.")
    return value


def _of_keyring(name: str, environ: Mapping[str, str]) -> str:
    value = from_keyring(name)
    if value is None:
        service, _, account = name.rpartition("/")
        raise SecretNotFound(
            f"keyring:{name}",
            f"The secret keyring:{name} is not there. Keep it with: keyring set {service or SERVICE} {account}",
        )
    return value


def _of_file(name: str, environ: Mapping[str, str]) -> str:
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise SecretNotFound(f"file:{name}", f"The secret file:{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SecretNotFound(f"file:{name}", f"The secret file:{name} cannot be read: it is not UTF-8 text.") from None
    return text.removesuffix("\n").removesuffix("\r")  # editors end a file with a line's end that is no part of it


def _of_secret(name: str, environ: Mapping[str, str]) -> str:
    from homeport.secrets.named import Secret

    value = Secret(name).value().get()
    return value if isinstance(value, str) else json.dumps(value)


_KINDS: dict[str, Callable[[str, Mapping[str, str]], str]] = {
    "env": _of_environment,
    "file": _of_file,
    "keyring": _of_keyring,
    "secret": _of_secret,
}


def _shown(reference: str) -> str:
    """Somebody may have written the secret itself where its reference belongs: then the message must not show it."""
    kind, colon, _ = reference.partition(":")
    return f"'{kind}:...'" if colon and kind.isidentifier() and len(kind) < 12 else "The text that was given"
