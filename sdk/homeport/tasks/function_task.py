"""`@task`: a function as a task."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, overload

from homeport.tasks.task_class import P, R, Task

if TYPE_CHECKING:
    from homeport import triggers
    from homeport.engine.decisions import Delay


class FunctionTask(Task[P, R]):
    """A task whose work is a function."""

    def __init__(self, fn: Callable[P, R], name: str | None = None, **options: Any) -> None:
        if not callable(fn):
            raise TypeError(f"@task is for functions; it was given {fn!r}.")
        self.run = fn  # type: ignore[method-assign]
        self.fn = fn
        self.is_async = inspect.iscoroutinefunction(fn)
        self.__wrapped__ = fn
        for attribute in ("__module__", "__qualname__", "__doc__"):
            setattr(self, attribute, getattr(fn, attribute, None))
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), **options)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """A task in a class is a method of its instances, outside runs and in them."""
        if instance is None:
            return self
        bound = copy.copy(self)
        bound.run = self.fn.__get__(instance, owner)  # type: ignore[method-assign]
        return bound


@overload
def task(fn: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, Coroutine[Any, Any, R]]: ...
@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    slug: str | None = None,
    description: str | None = None,
    tags: Iterable[str] | None = None,
    retries: int = 0,
    retry_delay_seconds: Delay = 0.0,
    retry_on: type[BaseException] | Sequence[type[BaseException]] | None = None,
    timeout_seconds: float | None = None,
    log_prints: bool | None = None,
    trigger: triggers.Trigger | None = None,
    skip_on_upstream_skip: bool = True,
    nout: int | None = None,
    **older: Any,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a task of a function: `@task`, or `@task(retries=3, retry_delay_seconds=10)`."""
    if fn is None:
        return lambda function: FunctionTask(function, **options)
    return FunctionTask(fn, **options)
