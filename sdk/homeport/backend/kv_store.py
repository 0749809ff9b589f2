"""The key-value store: small JSON values at the control plane, shared by all flows of the tenant.

They are metadata that everybody with a key can read: no place for secrets (`homeport.secrets`), nor for data (results).
"""

from __future__ import annotations

import json
from typing import Any

from homeport.client.outcomes import expect
from homeport.runtime.connection import ask


def set_key_value(key: str, value: Any) -> str:
    """Keep a JSON value of at most 64 KiB under the key, in place of what it held; the key.

    Raises TypeError for what is no JSON, InvalidInputError for a bad key or a value that is too large, NotConnected.
    """
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"The value for the key {key!r} is not JSON ({error}): keep numbers, strings, lists and dicts; for "
            "anything else persist a result and keep where it lies."
        ) from error
    answer = ask("setKeyValue", {"input": {"key": key, "value": value}})
    return str(expect(answer["setKeyValue"], "KeyValueSet")["keyValue"]["key"])


def get_key_value(key: str) -> Any:
    """The value that the key holds. Raises KeyError where it holds none, NotConnected."""
    found = ask("keyValue", {"key": key})["keyValue"]
    if found is None:
        raise KeyError(key)
    return found["value"]


def delete_key(key: str) -> bool:
    """Delete what the key holds; True. Raises NotFoundError where it holds nothing, NotConnected."""
    expect(ask("deleteKeyValue", {"input": {"key": key}})["deleteKeyValue"], "KeyValueDeleted")
    return True


def list_keys(prefix: str = "") -> list[str]:
    """All keys, sorted; those that begin with `prefix`. Raises NotConnected."""
    keys: list[str] = []
    after: str | None = None
    while True:
        filter = {"prefix": prefix} if prefix else None
        page = ask("keyValues", {"first": 500, "after": after, "filter": filter})["keyValues"]
        keys += [node["key"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return keys
