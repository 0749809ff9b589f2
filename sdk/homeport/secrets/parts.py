"""One value of a secret that is a JSON object: the `#password` of a reference."""

from __future__ import annotations

import json
import re

from homeport.secrets.errors import SecretNotFound

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_MOST_NAMED = 10


def part_of(text: str, key: str | None, *, reference: str) -> str:
    """The text, or what the JSON object in it has under the key, as text. Raises SecretNotFound."""
    if key is None:
        return text
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SecretNotFound(
            reference, f"The secret {reference} has no keys: it is no JSON object.", f"Leave #{key} out to have it all."
        )
    value = found.get(key)
    if value is None:
        why = "is null" if key in found else "is not in it"
        raise SecretNotFound(reference, f"The secret {reference} is there, but its key {key!r} {why}.", _named(found))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _named(found: dict[str, object]) -> str:
    # What does not look like a name might be a part of the secret.
    names = sorted(name for name in found if _PLAIN.fullmatch(name))[:_MOST_NAMED]
    return f"Its keys: {', '.join(names)}." if names else "It has no key that can be shown here."
