"""Secrets that a storage names, resolved on this machine at the moment they are used."""

from __future__ import annotations

from typing import overload

from homeport.code.errors import SecretMissing
from homeport.secrets import InvalidReference, SecretNotFound, resolve


@overload
def secret(reference: str, *, field: str, where: str) -> str: ...
@overload
def secret(reference: None, *, field: str, where: str) -> None: ...
@overload
def secret(reference: str | None, *, field: str, where: str) -> str | None: ...


def secret(reference: str | None, *, field: str, where: str) -> str | None:
    """The value that the reference names (None for none); raises SecretMissing, which names storage and field."""
    if reference is None:
        return None
    try:
        return str(resolve(reference).get())
    except (SecretNotFound, InvalidReference) as error:
        raise SecretMissing(f"cannot open {where}: its {field} cannot be resolved on this machine: {error}") from None
