"""Secrets: named or referred to in code and configuration, resolved on this machine only, masked in what leaves it."""

from homeport.secrets.errors import (
    InvalidReference,
    SecretDenied,
    SecretError,
    SecretNotFound,
    SecretUnreachable,
    SecretUnreadable,
)
from homeport.secrets.named import Secret
from homeport.secrets.references import is_reference, resolve
from homeport.secrets.values import SecretValue

__all__ = [
    "InvalidReference",
    "Secret",
    "SecretDenied",
    "SecretError",
    "SecretNotFound",
    "SecretUnreachable",
    "SecretUnreadable",
    "SecretValue",
    "is_reference",
    "resolve",
]
