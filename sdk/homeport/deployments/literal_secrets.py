"""Secrets that were written where only configuration belongs: found by the name that holds them or by their form.

What a deployment says goes into git and to the control plane, and both keep it. The value is never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from homeport.deployments.yaml_documents import Where

_NAMES = re.compile(
    r"(^|[_.-])(password|passwd|passphrase|pwd|secret|token|api_?key|apikey|access_?key|account_?key|private_?key|"
    r"secret_?key|secret_access_key|credentials?|connection_?string|sas_?token)$",
    re.IGNORECASE,
)
_FORMS = re.compile(
    r"(AKIA|ASIA)[0-9A-Z]{16}"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}|\bglpat-[A-Za-z0-9_-]{16,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bsk_live_[A-Za-z0-9]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(AccountKey|SharedAccessKey|sig)=[A-Za-z0-9%+/]{16,}"
    r"|\bhp_(admin|member|viewer|agent)_[0-9a-f]{12}_"
    r"|\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@"
)
_MASK = re.compile(r"\*{6,}")


def is_secret_name(name: str) -> bool:
    """Whether what is kept under this name is usually a secret: DB_PASSWORD, aws_secret_access_key."""
    return _NAMES.search(name) is not None


def has_secret_form(text: str) -> bool:
    """Whether the text itself looks like a key, a token or an address with a password in it."""
    return _FORMS.search(text) is not None


def is_mask(value: Any) -> bool:
    """Whether it is the row of stars that Prefect writes instead of a secret."""
    return isinstance(value, str) and _MASK.fullmatch(value) is not None


def references(env: Mapping[str, Any]) -> Iterator[str]:
    """The variables that are called like secrets and hold a reference to one, which nobody resolves on the way."""
    from homeport.secrets import is_reference

    for name, value in env.items():
        if is_secret_name(name) and isinstance(value, str) and is_reference(value):
            yield name


def found(value: Any, where: Where = (), *, by_name: bool = True) -> Iterator[tuple[Where, str]]:
    """The way to each text that looks like a secret, and why it does. References (`env:NAME`) do not."""
    from homeport.secrets import is_reference

    if isinstance(value, dict):
        for name, part in value.items():
            yield from found(part, (*where, name), by_name=by_name)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from found(part, (*where, index), by_name=by_name)
    elif isinstance(value, str) and value.strip():
        named = next((str(part) for part in reversed(where) if isinstance(part, str)), "")
        if has_secret_form(value):
            yield where, "looks like a secret"
        elif by_name and is_secret_name(named) and not is_reference(value):
            yield where, f"is called {named!r}, so it seems to be a secret"
