"""Tasks: functions, or classes with a `run` method, that a flow calls.

A task called in a run runs. Called in a `with Flow` block it becomes a node of that flow. Called anywhere else it is
the plain function.
"""

# A task that gives a coroutine is a task of "any result" as well: overloads overlap.
# mypy: disable-error-code="overload-overlap"

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, cast, overload

from homeport import triggers
from homeport.engine import current
from homeport.engine.hooks import Hook, Hookable, Hooks, hooks_of
from homeport.engine.name_templates import NameTemplate, check_name_template
from homeport.engine.retry_policy import Condition, Delay, RetryPolicy, checked_policy
from homeport.engine.state_handlers import StateHandler, checked_handlers
from homeport.engine.states import R
from homeport.futures import Future, FutureList
from homeport.spellings import canonical, seconds, timeout
from homeport.tagging import checked_tags
from homeport.tasks.nodes import Bindable

if TYPE_CHECKING:
    import logging
    from datetime import timedelta

    # With a default, so that `class Extract(Task)` needs no brackets; Python has these from 3.13 on.
    from typing_extensions import ParamSpec

    from homeport.engine.results import Result
    from homeport.engine.states import State
    from homeport.flows import Flow
    from homeport.futures import Async, Untyped
    from homeport.results.keys import Template
    from homeport.results.options import ResultOptions
    from homeport.serializers import Serializer

    P = ParamSpec("P", default=...)
else:
    from typing import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")


class Task(Bindable, Hookable, Generic[P, R]):
    """A unit of work. Subclass it and write `run`, or decorate a function with `@task`."""

    # Class attributes, so that a subclass whose __init__ forgets to call this one still is a task.
    name: str = ""
    description: str = ""
    version: str | None = None
    tags: frozenset[str] = frozenset()
    retry_policy = RetryPolicy()
    hooks: Hooks | None = None
    state_handlers: tuple[StateHandler, ...] = ()
    task_run_name: NameTemplate | None = None
    timeout_seconds: float | None = None
    log_prints: bool | None = None
    trigger: triggers.Trigger = staticmethod(triggers.all_successful)
    skip_on_upstream_skip: bool = True
    nout: int | None = None
    viz_return_value: Any = None
    only_cleans_up: bool = False
    slug: str | None = None
    is_async: bool = False
    results: ResultOptions | None = None
    """How results are kept and used again; None where the task says nothing of it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__dict__.get("name"):
            cls.name = cls.__name__
        cls.is_async = inspect.iscoroutinefunction(cls.run)

    def __init__(
        self,
        name: str | None = None,
        *,
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
    ) -> None:
        """Options of the task; the 1.x spellings (`max_retries`, `retry_delay`, ...) are understood too.

        `retry_delay_seconds` is a number, a list (one for each retry), or a function of the number of retries that
        returns such; `retry_jitter_factor` spreads it, `retry_on` and `retry_condition_fn(task, task_run, state)` say
        which failures are retried. `task_run_name` is a template over the parameters, or a function. The hooks are
        lists of `fn(task, task_run, state)`; `state_handlers` are `fn(task, old_state, new_state)` and may return the
        state to take instead. Where a result is kept say `persist_result` and its neighbours (or, as in 1.x, `result`
        and `target`), and when a kept one is used instead of a call `cache_key_fn` (or `cache_for`):
        docs/guides/results-and-caching.md. `nout` is the number of results of a task that returns a tuple, for
        unpacking in a `with Flow`. `viz_return_value` stands for the result while a function flow is drawn.
        """
        if older:
            also = {"retries": retries, "timeout_seconds": timeout_seconds, "log_prints": log_prints}
            also = {option: value for option, value in also.items() if value}
            given = canonical({**also, **older}, OPTIONS, of=f"task {name or type(self).__name__!r}")
            retries = given.get("retries", retries)
            retry_delay_seconds = given.get("retry_delay_seconds", retry_delay_seconds)
            timeout_seconds = given.get("timeout_seconds", timeout_seconds)
            log_prints = given.get("log_prints", log_prints)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"The name of a task is a text; it was given {name!r}.")
        self.name = name or type(self).__name__
        self.slug = slug
        self.description = description or inspect.cleandoc(self.__doc__ or "" if type(self) is not Task else "")
        self.tags = checked_tags(tags, of=f"task {self.name!r}") | current.tag_set.get()
        self.version = version
        self.retry_policy = checked_policy(
            retries, seconds(retry_delay_seconds), retry_on, retry_jitter_factor, retry_condition_fn
        )
        check_name_template(task_run_name, argument="task_run_name", of=f"task {self.name!r}")
        self.task_run_name = task_run_name
        hooks = {"on_running": on_running, "on_completion": on_completion, "on_failure": on_failure}
        self.hooks = hooks_of(hooks, of=f"task {self.name!r}")
        self.state_handlers = checked_handlers(state_handlers, f"task {self.name!r}")
        self.timeout_seconds = timeout(timeout_seconds, of=f"task {self.name!r}")
        self.log_prints = log_prints
        if trigger is not None and not callable(trigger):
            raise TypeError(
                f"task {self.name!r}: trigger is a function of the states before it, such as those of "
                f"homeport.triggers (all_finished, any_failed, ...); it was given {trigger!r}."
            )
        self.trigger = trigger or triggers.all_successful
        self.skip_on_upstream_skip = skip_on_upstream_skip
        if nout is not None and (isinstance(nout, bool) or not isinstance(nout, int) or nout < 0):
            raise ValueError(f"task {self.name!r}: nout is how many results it has; it was given {nout!r}.")
        self.nout = nout
        self.viz_return_value = viz_return_value
        keeping = (
            persist_result, result_storage, result_serializer, result_storage_key,
            None if cache_result_in_memory else False,
            cache_key_fn, cache_expiration, refresh_cache, cache_for, cache_validator, cache_key,
            result, target, checkpoint,
        )  # fmt: skip
        self.results = None
        if any(option is not None for option in keeping):
            from homeport.results.options import OPTIONS as NAMES
            from homeport.results.options import of_task

            self.results = of_task(self.name, dict(zip(NAMES, keeping, strict=True)))

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """What the task does; subclasses write it."""
        raise NotImplementedError(f"Task {self.name!r} has no run() method.")

    def bound_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call by name, defaults too; raises TypeError as the call would."""
        signature = inspect.signature(self.run)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        named = dict(bound.arguments)
        for name, one in signature.parameters.items():
            if one.kind is one.VAR_KEYWORD:
                named.update(named.pop(name))
        return named

    @property
    def key(self) -> str:
        """What task runs of this task have in common."""
        return self.slug or self.name

    @property
    def retries(self) -> int:
        """How often a failed call is repeated."""
        return self.retry_policy.retries

    @property
    def retry_delay_seconds(self) -> Delay:
        """How long to wait before."""
        return self.retry_policy.delay

    @property
    def retry_jitter_factor(self) -> float:
        """How far that may vary, as a share of it."""
        return self.retry_policy.jitter

    @property
    def retry_condition_fn(self) -> Condition | None:
        """What is asked whether to try again."""
        return self.retry_policy.condition

    # The 1.x spellings.
    max_retries = retries
    retry_delay = retry_delay_seconds

    @property
    def logger(self) -> logging.Logger | logging.LoggerAdapter[Any]:
        """The logger of the task run that is being executed."""
        from homeport.run_logging import logger_here

        return logger_here(self.name)

    @overload
    def __call__(self: Task[..., Untyped], *args: Any, return_state: Literal[True], **kwargs: Any) -> Any: ...
    @overload
    def __call__(self: Task[..., Async[T]], *args: Any, return_state: Literal[True], **kw: Any) -> Async[State[T]]: ...
    @overload
    def __call__(self, *args: Any, return_state: Literal[True], **kwargs: Any) -> State[R]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, wait_for: Any, **kwargs: Any) -> R: ...
    @overload
    def __call__(self, *args: Any, upstream_tasks: Any, **kwargs: Any) -> R: ...
    @overload
    def __call__(self, *args: Any, task_args: Mapping[str, Any], **kwargs: Any) -> R: ...
    @overload
    def __call__(self, *args: Any, flow: Flow, **kwargs: Any) -> R: ...
    @overload
    def __call__(self, *args: Any, mapped: bool, **kwargs: Any) -> Any: ...
    @overload
    def __call__(self, first: Future[Any] | FutureList[Any] | Task[..., Any], /, *args: Any, **kwargs: Any) -> R: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """In a run: run, and return the result. In a `with Flow` block: a node. Else: the plain function.

        In a run, `wait_for=[...]` names task runs to wait for, and `return_state=True` returns the state, whatever it
        is. In a `with Flow` block, `upstream_tasks=[...]` names tasks to wait for, `task_args={...}` sets options of
        the node, and `mapped=True` maps.
        """
        flow = current.building.get()
        if flow is not None:
            return self._add_to(flow, args, kwargs)
        run = current.flow_run.get()
        if run is not None:
            from homeport.engine.calls import call

            return call(run, self, args, kwargs)
        if isinstance(kwargs.get("flow"), _flow_class()):
            return self._add_to(kwargs.pop("flow"), args, kwargs)
        return self.run(*args, **kwargs)

    @overload
    def submit(self: Task[..., Untyped], *args: Any, return_state: Literal[True], **kwargs: Any) -> Any: ...
    @overload
    def submit(self: Task[..., Async[T]], *args: Any, return_state: Literal[True], **kw: Any) -> Async[State[T]]: ...
    @overload
    def submit(self, *args: Any, return_state: Literal[True], **kwargs: Any) -> State[R]: ...
    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...
    @overload
    def submit(self, *args: Any, wait_for: Any = ..., **kwargs: Any) -> Future[R]: ...
    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Run it in the background; the future of its result. Arguments may be futures.

        `wait_for` names futures that have to complete first. With `return_state`, waits and returns the final state.
        """
        from homeport.engine.calls import submit

        drawn = current.building.get()
        if drawn is not None and drawn.traces:
            return self._add_to(drawn, args, kwargs)
        wait_for, return_state = kwargs.pop("wait_for", None), kwargs.pop("return_state", False)
        future: Future[R] = submit(self._run_here("submit"), self, args, kwargs, wait_for)
        return _state_of(future) if return_state else future

    @overload
    def map(self: Task[..., Untyped], *args: Any, return_state: Literal[True], **kwargs: Any) -> Any: ...
    @overload
    def map(self: Task[..., Async[T]], *args: Any, return_state: Literal[True], **kw: Any) -> Async[list[State[T]]]: ...
    @overload
    def map(self, *args: Any, return_state: Literal[True], **kwargs: Any) -> list[State[R]]: ...
    @overload
    def map(self, *args: Any, wait_for: Any = ..., **kwargs: Any) -> FutureList[R]: ...
    def map(self, *args: Any, wait_for: Any = None, return_state: bool = False, **kwargs: Any) -> Any:
        """Run it once for each element of its arguments, in the background; the list of futures.

        What cannot be looped over, strings, and what is wrapped in `unmapped(...)`, every call gets whole. In a
        `with Flow` block: a mapped node. Raises TypeError for a dict, which has no order that could be meant.
        """
        flow = current.building.get() or (kwargs.pop("flow") if isinstance(kwargs.get("flow"), _flow_class()) else None)
        if flow is not None:
            return cast("FutureList[R]", self._add_to(flow, args, {**kwargs, "wait_for": wait_for, "mapped": True}))
        from homeport.engine.maps import map_here

        futures: FutureList[R] = map_here(self._run_here("map"), self, args, kwargs, wait_for)
        return futures.get_states() if return_state else futures

    def with_options(self, **options: Any) -> Self:
        """A copy of this task with other options, which are those of @task."""
        same = {
            "name": self.name,
            "slug": self.slug,
            "description": self.description,
            "version": self.version,
            "tags": self.tags,
            "task_run_name": self.task_run_name,
            "retries": self.retries,
            "retry_delay_seconds": self.retry_delay_seconds,
            "retry_jitter_factor": self.retry_jitter_factor,
            "retry_on": self.retry_policy.retry_on,
            "retry_condition_fn": self.retry_condition_fn,
            "timeout_seconds": self.timeout_seconds,
            "log_prints": self.log_prints,
            "trigger": self.trigger,
            "skip_on_upstream_skip": self.skip_on_upstream_skip,
            "nout": self.nout,
            "viz_return_value": self.viz_return_value,
            "state_handlers": self.state_handlers,
            **(self.hooks.options() if self.hooks is not None else {}),
            **(self.results.given if self.results is not None else {}),
        }
        changed = copy.copy(self)
        Task.__init__(changed, **{**same, **canonical(options, OPTIONS, of=f"task {self.name!r}")})
        return changed

    def copy(self, **options: Any) -> Self:
        """A copy: another node, of the same work. The 1.x spelling of with_options."""
        return self.with_options(**options)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Task {self.name!r}>"

    def _run_here(self, what: str) -> Any:
        run = current.flow_run.get()
        if run is None:
            raise RuntimeError(
                f"{self.name}.{what}() was called outside a flow run. Call it in a function decorated with @flow; "
                f"here, {self.name}(...) calls the plain function."
            )
        return run


OPTIONS = frozenset(inspect.signature(Task.__init__).parameters) - {"self", "older"}


def _state_of(future: Future[Any]) -> Any:
    async def later() -> Any:
        return await future.ended()

    return later() if future.task_run.awaited else future.block()


def _flow_class() -> type:
    from homeport.flows import Flow

    return Flow
