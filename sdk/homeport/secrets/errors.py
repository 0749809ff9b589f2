"""What can go wrong with a reference to a secret, split where a caller acts differently.

ValueError (as in 1.x)
├── InvalidReference      the text is no reference; it is not repeated, for it may be the secret itself
└── SecretError           a LookupError, too; `reference` says which, `found` what is the matter, `mend` what to do
    ├── SecretNotFound    there is nothing under this reference, or not what it wants of it
    ├── SecretDenied      it may not be read as who we are here: no credentials, expired ones, no permission
    ├── SecretUnreachable its manager gave no answer; asking again later may work
    └── SecretUnreadable  it cannot be used on this machine: it is binary, or what reads it is not installed
"""

# ruff: noqa: N818 - named for what happened

from __future__ import annotations


class InvalidReference(ValueError):
    """The text is no reference to a secret."""


class SecretError(LookupError, ValueError):
    """The base: a secret that is referred to cannot be had here. The message never has the secret in it."""

    def __init__(self, reference: str, found: str, mend: str = "") -> None:
        super().__init__(f"{found} {mend}".rstrip())
        self.reference = reference
        self.found = found
        self.mend = mend

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[type[SecretError], tuple[str, str, str]]:
        return type(self), (self.reference, self.found, self.mend)


class SecretNotFound(SecretError):
    """Nothing is kept under this reference."""


class SecretDenied(SecretError):
    """Where it is kept, this machine may not read it."""


class SecretUnreachable(SecretError):
    """Where it is kept gives no answer; asking again later may work."""


class SecretUnreadable(SecretError):
    """It is there, but cannot be used by this machine as it is."""


def not_installed(reference: str, error: ModuleNotFoundError, *, extra: str) -> SecretUnreadable:
    """The error for a secret whose manager is spoken to by a package that is not here."""
    found = f"The secret {reference} cannot be read: the package {error.name} is not installed here."
    return SecretUnreadable(reference, found, f"pip install 'homeport[{extra}]'")
