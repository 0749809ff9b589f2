"""What stands in a task's arguments for something else: futures for results, `unmapped` for a constant of a map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from homeport.engine.states import State
from homeport.futures import Future, FutureList

T = TypeVar("T")

if TYPE_CHECKING:

    class StandIn(Any):  # type: ignore[misc]
        """To a type checker it fits wherever a task takes a value, since the task gets that value instead of it."""
else:

    class StandIn:
        """What a task may be given instead of a value."""

        __slots__ = ()


class unmapped(StandIn, Generic[T]):  # noqa: N801 - the name that users type, from 1.x on
    """An argument of `.map()` that every call gets whole."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value: T = value


class allow_failure(StandIn, Generic[T]):  # noqa: N801 - the name that users type
    """An argument whose failure does not stop the task: it gets the exception instead of the result."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value: T = value


class flatten(StandIn, Generic[T]):  # noqa: N801 - the name that users type, from 1.x on
    """A list of lists as one list; of a mapped task, the elements of all its results."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value: T = value


class mapped(StandIn, Generic[T]):  # noqa: N801 - the name that users type, from 1.x on
    """In a `with Flow` block: an argument of a plain call that is mapped over, while every other is given whole."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value: T = value


class BadInput(TypeError):  # noqa: N818 - named for what it is
    """The results that an argument stands for cannot be put in their places."""


class Unflattenable(BadInput):
    """What is to be flattened is no list of lists."""


class Constant(StandIn):
    """An argument that is known to hold no futures; so that a map looks for them once, and not once for each call."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def unquote(self) -> object:
        """The value, as in 2.x."""
        return self.value


quote = Constant
"""The 2.x name: an argument that is given as it is, without looking for futures in it; of a map, to each call."""


class Shared:
    """An argument that every call of a map gets whole: resolved once, and not once for each."""

    __slots__ = ("_resolved", "value")

    def __init__(self, value: object) -> None:
        self.value = value
        self._resolved: list[object] = []

    def resolved(self) -> Any:
        """The value with results in the place of futures, which have ended."""
        if not self._resolved:
            self._resolved.append(resolve(self.value))
        return self._resolved[0]


ANNOTATIONS = (unmapped, allow_failure, flatten, mapped)
_WRAPPERS = frozenset({Constant, *ANNOTATIONS})
_CONTAINERS = frozenset({FutureList, list, tuple, dict, set, frozenset})
WALKED = frozenset({Constant, Shared, Future, FutureList, State, list, tuple, dict, set, frozenset, *ANNOTATIONS})


def is_wrapped(values: Iterable[Any]) -> bool:
    """Whether one of these arguments stands in an annotation, as `allow_failure(...)` or `quote(...)`."""
    for value in values:  # noqa: SIM110 - asked for each task run, and any() of a generator costs three times as much
        if type(value) in _WRAPPERS:
            return True
    return False


def find_futures(value: Any, strict: dict[Future[Any], bool]) -> None:
    """Collect the futures in a value, in lists, tuples, sets and dicts too; each with whether its failure matters."""
    try:
        _find(value, strict, may_fail=False)
    except RecursionError:
        _find_without_recursion(value, strict)


def _find(value: Any, strict: dict[Future[Any], bool], *, may_fail: bool) -> None:
    kind = type(value)
    if kind is Future:
        strict[value] = strict.get(value, False) or not may_fail
    elif kind is dict:
        _each(value, strict, may_fail)
        _each(value.values(), strict, may_fail)
    elif kind in ANNOTATIONS:
        _find(value.value, strict, may_fail=may_fail or kind is allow_failure)
    elif kind is not State and kind is not Constant and kind is not Shared and kind in WALKED:
        _each(value, strict, may_fail)


def _each(values: Iterable[Any], strict: dict[Future[Any], bool], may_fail: bool) -> None:
    for item in values:
        if type(item) in WALKED:
            _find(item, strict, may_fail=may_fail)


def _find_without_recursion(value: Any, strict: dict[Future[Any], bool]) -> None:
    """The same for a value that contains itself, or is nested deeper than Python's stack is."""
    left, seen = [(value, False)], set()
    while left:
        item, may_fail = left.pop()
        kind = type(item)
        if kind is Future:
            _find(item, strict, may_fail=may_fail)
        elif kind in ANNOTATIONS:
            left.append((item.value, may_fail or kind is allow_failure))
        elif kind in _CONTAINERS and (id(item), may_fail) not in seen:
            seen.add((id(item), may_fail))
            inner = [*item, *item.values()] if kind is dict else item
            left += [(one, may_fail) for one in inner if type(one) in WALKED]


def resolve(value: Any) -> Any:
    """The value with results in the place of ended futures; the same object where there are none.

    Raises BadInput where a result cannot stand there.
    """
    try:
        return _resolve(value)
    except RecursionError:
        found: dict[Future[Any], bool] = {}
        _find_without_recursion(value, found)
        if not found:
            return value
        raise BadInput(
            f"an argument has the result of {next(iter(found)).name} in it, and contains itself or is nested deeper "
            f"than Python's stack is. Give the result as an argument of its own."
        ) from None


def _resolve(value: Any) -> Any:
    kind = type(value)
    if kind not in WALKED:
        return value
    if kind is Future:
        return value.state.result(raise_on_failure=False)
    if kind is State:
        return value.result(raise_on_failure=False)
    if kind is Constant:
        return value.value
    if kind is Shared:
        return value.resolved()
    if kind is flatten:
        return flattened(_resolve(value.value))
    if kind in ANNOTATIONS:
        return _resolve(value.value)
    if kind is dict:
        if not any(type(item) in WALKED for item in value.values()) and not any(type(key) in WALKED for key in value):
            return value
        keys = [_resolve(key) for key in value]
        _check_hashes(value, keys, "the keys of a dict")
        return dict(zip(keys, [_resolve(item) for item in value.values()], strict=True))
    if not any(type(item) in WALKED for item in value):
        return value
    if kind is set or kind is frozenset:
        items = [_resolve(item) for item in value]
        _check_hashes(value, items, "a set")
        return kind(items)
    return (list if kind is FutureList else kind)(_resolve(item) for item in value)


def _check_hashes(given: Iterable[Any], results: list[Any], of: str) -> None:
    for before, value in zip(given, results, strict=True):
        try:
            hash(value)
        except TypeError as error:
            whose = f"the result of {before.name}" if type(before) is Future else "a result"
            raise BadInput(
                f"{whose} is of type {type(value).__name__} and stands in {of}, where only what has a hash can stand "
                f"({error}). Return a tuple or a text there, or give a list in place of the {of.split()[-1]}."
            ) from None


def flattened(value: Any) -> list[Any]:
    """The elements of the lists in a list; raises Unflattenable where they are no lists."""
    return [item for inner in elements(value) for item in elements(inner)]


def elements(value: Any) -> list[Any] | tuple[Any, ...]:
    """What is to be flattened, as a list; raises Unflattenable for text, dicts and what has no elements."""
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, str | bytes | dict) or not hasattr(type(value), "__iter__"):
        shown = repr(value)
        raise Unflattenable(f"flatten(...) makes one list of a list of lists; it found {shown[:80]}, which is no list.")
    return list(value)
