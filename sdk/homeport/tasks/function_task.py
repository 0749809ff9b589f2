"""`@task`: a function as a task."""

# A task of a function that gives a coroutine is a task of "any result" as well: overloads overlap.
# mypy: disable-error-code="overload-overlap"

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, Self, TypeVar, overload

from homeport.engine.states import R
from homeport.spellings import refuse_generator
from homeport.tasks.task_class import P, Task

if TYPE_CHECKING:
    from datetime import timedelta

    from homeport import triggers
    from homeport.engine.hooks import Hook
    from homeport.engine.name_templates import NameTemplate
    from homeport.engine.results import Result
    from homeport.engine.retry_policy import Condition, Delay
    from homeport.engine.state_handlers import StateHandler
    from homeport.engine.states import State
    from homeport.futures import Async, Untyped
    from homeport.results.keys import Template
    from homeport.serializers import Serializer

Q = ParamSpec("Q")
T = TypeVar("T")
Owner = TypeVar("Owner")


class FunctionTask(Task[P, R]):
    """A task whose work is a function. Raises TypeError for what is none, and for a generator function."""

    def __init__(self, fn: Callable[P, R], name: str | None = None, **options: Any) -> None:
        self._method: type | None = type(fn) if isinstance(fn, classmethod | staticmethod) else None
        if isinstance(fn, classmethod | staticmethod):
            fn = fn.__func__
        if not callable(fn):
            raise TypeError(f"@task is for functions; it was given {fn!r}.")
        refuse_generator(fn, f"task {name or getattr(fn, '__name__', fn)!r}")
        self.run = fn  # type: ignore[method-assign]
        self.fn = fn
        self.is_async = inspect.iscoroutinefunction(fn)
        self.__wrapped__ = fn
        for attribute in ("__module__", "__qualname__", "__doc__"):
            setattr(self, attribute, getattr(fn, attribute, None))
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), **options)

    # Methods of the class, of instances, and static ones are told apart by what they take first.
    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(
        self: FunctionTask[Concatenate[type[Owner], Q], T], instance: Owner, owner: type | None = ...
    ) -> FunctionTask[Q, T]: ...
    @overload
    def __get__(
        self: FunctionTask[Concatenate[Owner, Q], T], instance: Owner, owner: type | None = ...
    ) -> FunctionTask[Q, T]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = ...) -> Self: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """A task in a class is a method of its instances (or of the class), outside runs and in them."""
        if self._method is staticmethod or (instance is None and self._method is None):
            return self
        bound = copy.copy(self)
        owning = owner if self._method is classmethod else instance
        bound.run = self.fn.__get__(owning, owner)  # type: ignore[method-assign]
        return bound


if TYPE_CHECKING:

    class Decorator(Protocol):
        """What `@task(...)` gives: it makes a task of a function."""

        @overload
        def __call__(self, fn: Callable[Q, Untyped], /) -> FunctionTask[Q, Any]: ...
        @overload
        def __call__(self, fn: Callable[Q, Async[T]], /) -> FunctionTask[Q, Async[T]]: ...
        @overload
        def __call__(self, fn: Callable[Q, T], /) -> FunctionTask[Q, T]: ...


@overload
def task(fn: Callable[Q, Untyped], /, **options: Any) -> FunctionTask[Q, Any]: ...
@overload
def task(fn: Callable[Q, Async[T]], /, **options: Any) -> FunctionTask[Q, Async[T]]: ...
@overload
def task(fn: Callable[Q, T], /, **options: Any) -> FunctionTask[Q, T]: ...
@overload
def task(
    *,
    name: str | None = None,
    slug: str | None = None,
    description: str | None = None,
    version: str | None = None,
    tags: Iterable[str] | None = None,
    task_run_name: NameTemplate | None = None,
    retries: int = 0,
    retry_delay_seconds: Delay = 0.0,
    retry_jitter_factor: float | None = None,
    retry_on: type[BaseException] | Sequence[type[BaseException]] | None = None,
    retry_condition_fn: Condition | None = None,
    timeout_seconds: float | None = None,
    log_prints: bool | None = None,
    trigger: triggers.Trigger | None = None,
    skip_on_upstream_skip: bool = True,
    nout: int | None = None,
    on_running: Sequence[Hook] | None = None,
    on_completion: Sequence[Hook] | None = None,
    on_failure: Sequence[Hook] | Callable[[Any, State], Any] | None = None,
    state_handlers: Iterable[StateHandler] | None = None,
    persist_result: bool | None = None,
    result_storage: object = None,
    result_serializer: str | Serializer | None = None,
    result_storage_key: Template | None = None,
    cache_result_in_memory: bool = True,
    cache_key_fn: Callable[..., str | None] | None = None,
    cache_expiration: timedelta | float | None = None,
    refresh_cache: bool | None = None,
    cache_for: timedelta | float | None = None,
    cache_validator: Callable[..., bool] | None = None,
    cache_key: str | None = None,
    result: Result | None = None,
    target: Template | None = None,
    checkpoint: bool | None = None,
    viz_return_value: Any = None,
    **older: Any,
) -> Decorator: ...
def task(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a task of a function: `@task`, or `@task(retries=3, retry_delay_seconds=10)`."""
    if fn is None:
        return lambda function: FunctionTask(function, **options)
    return FunctionTask(fn, **options)
