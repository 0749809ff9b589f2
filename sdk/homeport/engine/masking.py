"""Secrets stay home: every value that was resolved in this process is `***` in what leaves it.

Log lines, prints, tracebacks, messages of states and names of runs pass here. Where no secret was resolved, this costs
one comparison.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from homeport.engine.states import State

    AnyState = TypeVar("AnyState", bound=State)

MASK = "***"
SHORT = 4
"""A value shorter than this is masked only where it stands alone: a secret "a" must not blacken every word."""

_lock = threading.Lock()
_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def masked(text: str) -> str:
    """The text without the secrets that this process has resolved."""
    return text if _pattern is None else _pattern.sub(MASK, text)


def masked_state(state: AnyState) -> AnyState:
    """The state with its message masked; the same one where there is nothing to mask."""
    if _pattern is None or not state.message or not _pattern.search(state.message):
        return state
    return state.with_message(masked(state.message))


def mask_from_now_on(value: object) -> None:
    """Have this value, and each text in it, masked; in the ways in which text is written into other text, too."""
    global _pattern
    found = {form for text in _texts(value) for form in _forms(text)}
    with _lock:
        if found <= _known:
            return
        _known.update(found)
        # The longest first: one secret may be the beginning of another.
        _pattern = re.compile("|".join(_expression(form) for form in sorted(_known, key=len, reverse=True)))


def how_many() -> int:
    """How many texts are masked."""
    return len(_known)


def all_known() -> list[str]:
    """The texts that are masked; for the process that a call was made for, and for nobody else."""
    with _lock:
        return sorted(_known)


@contextmanager
def kept_apart() -> Iterator[None]:
    """For tests: what becomes a secret in the block is none after it."""
    global _known, _pattern
    before = _known, _pattern
    _known, _pattern = set(), None
    try:
        yield
    finally:
        _known, _pattern = before


def _expression(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= SHORT else rf"(?<!\w){escaped}(?!\w)"


def _forms(text: str) -> Iterator[str]:
    lines = [line.strip() for line in text.splitlines()] if "\n" in text else []
    # A key of many lines is printed and logged line by line; of short ones (`}`) nothing could be told.
    for form in (text, text.strip(), *(line for line in lines if len(line) > 2 * SHORT)):
        yield from (one for one in (form, repr(form)[1:-1], json.dumps(form)[1:-1], quote(form, safe="")) if one)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
