"""What stands in a task's arguments for something else: futures for results, `unmapped` for a constant of a map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from homeport.engine.states import State
from homeport.futures import Future, FutureList

T = TypeVar("T")


class unmapped(Generic[T]):  # noqa: N801 - the name that users type, from 1.x on
    """An argument of `.map()` that every call gets whole."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class allow_failure(Generic[T]):  # noqa: N801 - the name that users type
    """An argument whose failure does not stop the task: it gets the exception instead of the result."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class Constant:
    """An argument that is known to hold no futures; so that a map looks for them once, and not once for each call."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


WALKED = frozenset({Constant, Future, FutureList, State, list, tuple, dict, set, frozenset, unmapped, allow_failure})


def find_futures(value: Any, strict: dict[Future[Any], bool], *, may_fail: bool = False) -> None:
    """Collect the futures in a value, in lists, tuples, sets and dicts too; each with whether its failure matters."""
    kind = type(value)
    if kind is Future:
        strict[value] = strict.get(value, False) or not may_fail
    elif kind is dict:
        _each(value.values(), strict, may_fail)
    elif kind in (unmapped, allow_failure):
        find_futures(value.value, strict, may_fail=may_fail or kind is allow_failure)
    elif kind is not State and kind is not Constant and kind in WALKED:
        _each(value, strict, may_fail)


def _each(values: Iterable[Any], strict: dict[Future[Any], bool], may_fail: bool) -> None:
    for item in values:
        if type(item) in WALKED:
            find_futures(item, strict, may_fail=may_fail)


def resolve(value: Any) -> Any:
    """The value with results in the place of ended futures; the same object where there are none."""
    kind = type(value)
    if kind not in WALKED:
        return value
    if kind is Future:
        return value.state.result(raise_on_failure=False)
    if kind is State:
        return value.result(raise_on_failure=False)
    if kind is Constant:
        return value.value
    if kind in (unmapped, allow_failure):
        return resolve(value.value)
    if kind is dict:
        if not any(type(item) in WALKED for item in value.values()):
            return value
        return {key: resolve(item) for key, item in value.items()}
    if not any(type(item) in WALKED for item in value):
        return value
    return (list if kind is FutureList else kind)(resolve(item) for item in value)
