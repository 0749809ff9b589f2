"""The key-value store under its short name: `kv.set("key", value)`, `kv.get("key", default)`."""

from __future__ import annotations

from typing import Any

from homeport.backend.kv_store import delete_key, get_key_value, list_keys, set_key_value

__all__ = ["delete", "get", "keys", "set"]

_MISSING = object()


def get(key: str, default: Any = _MISSING) -> Any:
    """The value that the key holds, else the default; KeyError without one."""
    try:
        return get_key_value(key)
    except KeyError:
        if default is _MISSING:
            raise
        return default


def set(key: str, value: Any) -> None:
    """Keep a JSON value of at most 64 KiB under the key."""
    set_key_value(key, value)


def delete(key: str) -> None:
    """Delete what the key holds; NotFoundError where it holds nothing."""
    delete_key(key)


def keys(prefix: str = "") -> list[str]:
    """All keys, sorted; those that begin with `prefix`."""
    return list_keys(prefix)
