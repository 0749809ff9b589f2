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


class Unflattenable(TypeError):  # noqa: N818 - named for what happened
    """What is to be flattened is no list of lists."""


class Constant:
    """An argument that is known to hold no futures; so that a map looks for them once, and not once for each call."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


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
WALKED = frozenset({Constant, Shared, Future, FutureList, State, list, tuple, dict, set, frozenset, *ANNOTATIONS})


def find_futures(value: Any, strict: dict[Future[Any], bool], *, may_fail: bool = False) -> None:
    """Collect the futures in a value, in lists, tuples, sets and dicts too; each with whether its failure matters."""
    kind = type(value)
    if kind is Future:
        strict[value] = strict.get(value, False) or not may_fail
    elif kind is dict:
        _each(value.values(), strict, may_fail)
    elif kind in ANNOTATIONS:
        find_futures(value.value, strict, may_fail=may_fail or kind is allow_failure)
    elif kind is not State and kind is not Constant and kind is not Shared and kind in WALKED:
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
    if kind is Shared:
        return value.resolved()
    if kind is flatten:
        return flattened(resolve(value.value))
    if kind in ANNOTATIONS:
        return resolve(value.value)
    if kind is dict:
        if not any(type(item) in WALKED for item in value.values()):
            return value
        return {key: resolve(item) for key, item in value.items()}
    if not any(type(item) in WALKED for item in value):
        return value
    return (list if kind is FutureList else kind)(resolve(item) for item in value)


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
