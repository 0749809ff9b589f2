"""Secrets that a storage names, resolved on this machine at the moment they are used."""

from __future__ import annotations

from typing import overload

from homeport.code.errors import SecretMissing, StorageError, StorageUnreachable
from homeport.secrets import InvalidReference, SecretError, SecretUnreachable, resolve


@overload
def secret(reference: str, *, field: str, where: str) -> str: ...
@overload
def secret(reference: None, *, field: str, where: str) -> None: ...
@overload
def secret(reference: str | None, *, field: str, where: str) -> str | None: ...


def secret(reference: str | None, *, field: str, where: str) -> str | None:
    """The value that the reference names (None for none).

    Raises SecretMissing, which names storage and field; StorageUnreachable where a secret manager gives no answer.
    """
    if reference is None:
        return None
    try:
        return str(resolve(reference).get())
    except (SecretError, InvalidReference) as error:
        raise unresolved(error, f"cannot open {where}: its {field} cannot be resolved on this machine") from None


def unresolved(error: SecretError | InvalidReference, what: str) -> StorageError:
    """What a storage raises that could not do `what` for want of a secret; asking again helps where nobody answered."""
    kind = StorageUnreachable if isinstance(error, SecretUnreachable) else SecretMissing
    if isinstance(error, SecretError):
        return kind(f"{what}: {error.found.rstrip('.')}", error.mend)
    return kind(f"{what}: {error}")
