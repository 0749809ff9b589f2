"""The one place where a reference to a secret becomes its value.

env:NAME                        a variable of this process
keyring:NAME, keyring:SERVICE/NAME  the keyring of the operating system
file:/path                      the text of a file
secret:NAME                     wherever `Secret(NAME)` finds it
aws:NAME[?region=R][#KEY]       AWS Secrets Manager
azure:VAULT/NAME[/VERSION][#KEY]    Azure Key Vault

Blocks, storage and settings carry references; whoever needs the value calls `resolve` on the customer's side. What a
secret manager answers is remembered for a minute.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from homeport.secrets import key_vault, secrets_manager
from homeport.secrets.errors import InvalidReference, SecretNotFound
from homeport.secrets.remembered import Remembered
from homeport.secrets.values import SecretValue

SERVICE = "homeport"
FORMS = "env:NAME, keyring:NAME, file:/path, secret:NAME, aws:NAME or azure:VAULT/NAME"

remembered = Remembered()
"""What secret managers answered to this process."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: remembered.unlock())


def resolve(reference: str, *, environ: Mapping[str, str] | None = None) -> SecretValue:
    """The value that a reference names.

    From now on it is masked in everything that this process reports. Raises InvalidReference for a text of another
    form, and SecretError, which says where it looked and what to do.
    """
    wrong = problem(reference)
    if wrong is not None:
        raise InvalidReference(wrong)
    kind, _, name = reference.partition(":")
    return SecretValue(_KINDS[kind](name.strip(), os.environ if environ is None else environ), reference)


def is_reference(text: str) -> bool:
    """Whether the text has the form of a reference."""
    return problem(text) is None


def problem(text: str) -> str | None:
    """Why the text has not the form of a reference; None when it has. It is not repeated: it may be a secret."""
    kind, _, name = text.partition(":")
    if kind not in _KINDS or not name.strip():
        return f"{_shown(text)} is no reference to a secret. Write {FORMS}."
    if kind in _FORMS_OF:
        try:
            _FORMS_OF[kind](name.strip())
        except InvalidReference as error:
            return str(error)
    return None


def from_keyring(name: str) -> str | None:
    """What the OS keyring keeps under `SERVICE/NAME`, or under NAME for the service homeport; None for nothing.

    Raises SecretNotFound for a keyring that cannot be read.
    """
    service, _, account = name.rpartition("/")
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(service or SERVICE, account)
    except KeyringError as error:
        raise SecretNotFound(
            f"keyring:{name}",
            f"The secret keyring:{name} cannot be read: {error or type(error).__name__}.",
            "Unlock the keyring, or use env:NAME or file:/path.",
        ) from None


def _of_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        raise SecretNotFound(
            f"env:{name}",
            f"The secret env:{name} is not there: the variable {name} is not set.",
            f"Set it for the process that needs it: export {name}=...",
        )
    return value


def _of_keyring(name: str, environ: Mapping[str, str]) -> str:
    value = from_keyring(name)
    if value is None:
        service, _, account = name.rpartition("/")
        raise SecretNotFound(
            f"keyring:{name}",
            f"The secret keyring:{name} is not there.",
            f"Keep it with: keyring set {service or SERVICE} {account}",
        )
    return value


def _of_file(name: str, environ: Mapping[str, str]) -> str:
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise SecretNotFound(
            f"file:{name}",
            f"The secret file:{name} cannot be read: {error.strerror}.",
            f"Write it there, and let only this user read it: chmod 600 {name}",
        ) from None
    except UnicodeDecodeError:
        raise SecretNotFound(f"file:{name}", f"The secret file:{name} cannot be read: it is not UTF-8 text.") from None
    return text.removesuffix("\n").removesuffix("\r")  # editors end a file with a line's end that is no part of it


def _of_secret(name: str, environ: Mapping[str, str]) -> str:
    from homeport.secrets.named import Secret

    value = Secret(name).value().get()
    return value if isinstance(value, str) else json.dumps(value)


def _of_secrets_manager(name: str, environ: Mapping[str, str]) -> str:
    return remembered.get(f"aws:{name}", lambda: secrets_manager.value_of(name))


def _of_key_vault(name: str, environ: Mapping[str, str]) -> str:
    return remembered.get(f"azure:{name}", lambda: key_vault.value_of(name))


_KINDS: dict[str, Callable[[str, Mapping[str, str]], str]] = {
    "env": _of_environment,
    "file": _of_file,
    "keyring": _of_keyring,
    "secret": _of_secret,
    "aws": _of_secrets_manager,
    "azure": _of_key_vault,
}
_FORMS_OF: dict[str, Callable[[str], object]] = {"aws": secrets_manager.parsed, "azure": key_vault.parsed}


def _shown(reference: str) -> str:
    """Somebody may have written the secret itself where its reference belongs: then the message must not show it."""
    kind, colon, _ = reference.partition(":")
    return f"'{kind}:...'" if colon and kind.isidentifier() and len(kind) < 12 else "The text that was given"
