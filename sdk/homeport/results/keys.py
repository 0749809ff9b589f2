"""Under which key a result is kept: the engine's own keys, and those that a user's template makes.

runs/<flow run id>/<task>-<hash>    a result, or a record that points to one: what a retried run finds again
cache/<2 hex>/<sha256 of the key>   a cache record, which points to a result
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

from homeport.results.errors import ResultOptionError

MOST_BYTES = 1000
MOST_IN_PART = 200
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_.-]+")

Template = str | Callable[..., str]


def of_run(flow_run: object, identity: str) -> str:
    """The key of one task run's result: the same in each attempt of the flow run."""
    name = _NOT_PLAIN.sub("-", identity.rsplit("/", 1)[-1]).strip("-.")[:60] or "result"
    return f"runs/{flow_run}/{name}-{_hex(identity)[:16]}"


def of_cache(cache_key: str) -> str:
    """The key of the record of a cache key."""
    digest = _hex(cache_key)
    return f"cache/{digest[:2]}/{digest}"


def formatted(template: Template, values: Mapping[str, Any], *, of: str, what: str) -> str:
    """The key that a template (a format string, or a function of the values) makes, checked to be a safe relative path.

    Raises ResultOptionError, which names the task, the template, and what can be used in it.
    """
    return checked(text(template, values, of=of, what=what), of=of, what=what)


def text(template: Template, values: Mapping[str, Any], *, of: str, what: str) -> str:
    """The text that a template makes; raises ResultOptionError."""
    try:
        made: Any = template(**values) if callable(template) else _Formatter().vformat(template, (), values)
    except (KeyError, IndexError, AttributeError) as error:
        name = error.args[0] if error.args else error
        known = ", ".join(sorted(values))
        raise ResultOptionError(
            f"{of}: {what} {_shown(template)} asks for {name!r}, which is not known there. It can use: {known}."
        ) from error
    except Exception as error:
        raise ResultOptionError(
            f"{of}: {what} {_shown(template)} could not be formatted: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(made, str) or not made:
        raise ResultOptionError(f"{of}: {what} must make a text such as 'reports/today.pkl'; it made {made!r}.")
    return made


def checked(key: object, *, of: str, what: str) -> str:
    """The key, if it is a relative path that stays below its storage; else ResultOptionError."""
    if not isinstance(key, str) or not key:
        raise ResultOptionError(f"{of}: {what} must be a text such as 'reports/today.pkl'; it is {key!r}.")
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or _UNSAFE.search(key):
        raise ResultOptionError(
            f"{of}: {what} {key!r} must be a relative path with forward slashes that stays in its storage: "
            f"no leading '/', no empty part, no '.' or '..', no backslash or control character."
        )
    if len(key.encode(errors="replace")) > MOST_BYTES or any(len(part.encode()) > MOST_IN_PART for part in parts):
        raise ResultOptionError(
            f"{of}: {what} {key[:80]!r}... is too long: at most {MOST_BYTES} bytes, {MOST_IN_PART} in each part."
        )
    return key


class _Formatter(string.Formatter):
    """Formats by name; a bare `{}` has no meaning here."""

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        if isinstance(key, int):
            raise KeyError("{}")
        return kwargs[key]


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _shown(template: Template) -> str:
    return getattr(template, "__name__", "the function") if callable(template) else repr(template)
