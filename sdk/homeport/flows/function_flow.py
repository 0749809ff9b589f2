"""`@flow`: a function as a flow."""

# A flow of a function that gives a coroutine is a flow of "any result" as well: overloads overlap.
# mypy: disable-error-code="overload-overlap"

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, Protocol, Self, TypeVar, overload

from homeport.engine.parameters import Signature
from homeport.engine.states import R
from homeport.flows.graph_flow import GRAPH_OPTIONS, Flow, OnLost, file_of
from homeport.spellings import refuse_generator, unknown_argument
from homeport.tasks.task_class import P

if TYPE_CHECKING:
    from homeport.drawing import Picture
    from homeport.engine.hooks import Hook
    from homeport.engine.name_templates import NameTemplate
    from homeport.engine.retry_policy import Delay
    from homeport.engine.state_handlers import StateHandler
    from homeport.engine.states import State
    from homeport.futures import Async, Future, FutureList, Untyped
    from homeport.run_configs import RunConfig
    from homeport.schedules import Schedule
    from homeport.serializers import Serializer
    from homeport.storage import Storage
    from homeport.task_runners import TaskRunner

T = TypeVar("T")
Owner = TypeVar("Owner")
Q = ParamSpec("Q")


class FunctionFlow(Flow, Generic[P, R]):
    """A flow whose body is a function. Raises TypeError for what is none, and for a generator function."""

    def __init__(self, fn: Callable[P, R], name: str | None = None, **options: Any) -> None:
        self._method: type | None = type(fn) if isinstance(fn, classmethod | staticmethod) else None
        if isinstance(fn, classmethod | staticmethod):
            fn = fn.__func__
        if not callable(fn):
            raise TypeError(f"@flow is for functions; it was given {fn!r}.")
        refuse_generator(fn, f"flow {name or getattr(fn, '__name__', fn)!r}")
        _check(options)
        options["executor"] = options.pop("task_runner", None)
        description = options.pop("description", None) or inspect.cleandoc(fn.__doc__ or "")
        super().__init__(name or fn.__name__.replace("_", "-"), description=description, **options)
        self.fn = fn
        self.signature = Signature(fn)
        self.is_async = inspect.iscoroutinefunction(fn)
        self.entrypoint_file = file_of(fn.__code__.co_filename) if hasattr(fn, "__code__") else None
        for attribute in ("__module__", "__qualname__", "__doc__"):
            setattr(self, attribute, getattr(fn, attribute, None))
        self.__wrapped__ = fn
        self._options = {**options, "description": description}

    if TYPE_CHECKING:

        @overload
        def __call__(self: FunctionFlow[..., Untyped], *args: Any, return_state: Literal[True], **kw: Any) -> Any: ...
        @overload
        def __call__(
            self: FunctionFlow[..., Async[T]], *args: Any, return_state: Literal[True], **kw: Any
        ) -> Async[State[T]]: ...
        @overload
        def __call__(self, *args: Any, return_state: Literal[True], **kwargs: Any) -> State[R]: ...
        @overload
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
        @overload
        def __call__(self, first: Future[Any] | FutureList[Any], /, *args: Any, **kwargs: Any) -> R: ...
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            """As Flow.__call__, with the types of the function."""

        @overload  # type: ignore[override]  # a graph's run has its state in the 1.x form
        def run(
            self: FunctionFlow[..., Untyped],
            parameters: dict[str, Any] | None = ...,
            *,
            run_on_schedule: bool = ...,
            **kwargs: Any,
        ) -> State[Any]: ...
        @overload
        def run(
            self: FunctionFlow[..., Async[T]],
            parameters: dict[str, Any] | None = ...,
            *,
            run_on_schedule: bool = ...,
            **kwargs: Any,
        ) -> State[T]: ...
        @overload
        def run(
            self, parameters: dict[str, Any] | None = ..., *, run_on_schedule: bool = ..., **kwargs: Any
        ) -> State[R]: ...
        def run(self, parameters: dict[str, Any] | None = ..., *, run_on_schedule: bool = ..., **kw: Any) -> Any:
            """As Flow.run, with the types of the function."""

    def visualize(self, *args: Any, **kwargs: Any) -> Picture:
        """A picture of the tasks that it calls when it is given these parameters; `filename`, `format` and
        `horizontal` are those of a graph's picture.

        Its function runs, and its tasks do not: raises UntoldResult where the flow decides by a result, unless
        `@task(viz_return_value=...)` says what stands for that.
        """
        from homeport.flows.traced_flow import traced

        assert self.signature is not None, "it is a function's"
        own = self.signature.names.keys()
        shown = {name: kwargs.pop(name) for name in ("filename", "format", "horizontal") if name in kwargs.keys() - own}
        return traced(self, args, kwargs).visualize(**shown)

    def with_options(self, **options: Any) -> FunctionFlow[P, R]:
        """A copy of this flow with other options, which are those of @flow."""
        assert self.fn is not None
        return FunctionFlow(self.fn, **{**self._same_options(), **options})

    # Methods of the class, of instances, and static ones are told apart by what they take first.
    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(
        self: FunctionFlow[Concatenate[type[Owner], Q], T], instance: Owner, owner: type | None = ...
    ) -> FunctionFlow[Q, T]: ...
    @overload
    def __get__(
        self: FunctionFlow[Concatenate[Owner, Q], T], instance: Owner, owner: type | None = ...
    ) -> FunctionFlow[Q, T]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = ...) -> Self: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """A flow in a class is a method of its instances (or of the class)."""
        if self._method is staticmethod or (instance is None and self._method is None):
            return self
        assert self.fn is not None
        bound = self.fn.__get__(owner if self._method is classmethod else instance, owner)
        return FunctionFlow(bound, **self._same_options())

    def _same_options(self) -> dict[str, Any]:
        same = {**self._options, "name": self.name, "task_runner": self._options["executor"]}
        del same["executor"]
        return {**same, **(self.hooks.options() if self.hooks is not None else {})}


if TYPE_CHECKING:

    class Decorator(Protocol):
        """What `@flow(...)` gives: it makes a flow of a function."""

        @overload
        def __call__(self, fn: Callable[Q, Untyped], /) -> FunctionFlow[Q, Any]: ...
        @overload
        def __call__(self, fn: Callable[Q, Async[T]], /) -> FunctionFlow[Q, Async[T]]: ...
        @overload
        def __call__(self, fn: Callable[Q, T], /) -> FunctionFlow[Q, T]: ...


@overload
def flow(fn: Callable[Q, Untyped], /, **options: Any) -> FunctionFlow[Q, Any]: ...
@overload
def flow(fn: Callable[Q, Async[T]], /, **options: Any) -> FunctionFlow[Q, Async[T]]: ...
@overload
def flow(fn: Callable[Q, T], /, **options: Any) -> FunctionFlow[Q, T]: ...
@overload
def flow(
    *,
    name: str | None = None,
    description: str | None = None,
    version: str | None = None,
    flow_run_name: NameTemplate | None = None,
    task_runner: TaskRunner | type[TaskRunner] | None = None,
    retries: int = 0,
    retry_delay_seconds: Delay = 0.0,
    timeout_seconds: float | None = None,
    validate_parameters: bool = True,
    log_prints: bool = False,
    on_lost: OnLost = "crash",
    run_config: RunConfig | None = None,
    storage: Storage | None = None,
    on_running: Sequence[Hook] | None = None,
    on_completion: Sequence[Hook] | None = None,
    on_failure: Sequence[Hook] | Callable[[Any, State], Any] | None = None,
    on_cancellation: Sequence[Hook] | None = None,
    on_crashed: Sequence[Hook] | None = None,
    schedule: Schedule | None = None,
    state_handlers: Iterable[StateHandler] | None = None,
    persist_result: bool | None = None,
    result_storage: object = None,
    result_serializer: str | Serializer | None = None,
    cache_result_in_memory: bool = True,
) -> Decorator: ...
def flow(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a flow of a function, sync or async: `@flow`, or `@flow(name="Hello", retries=1)`.

    `flow_run_name` is a template over the parameters, or a function. Hooks are lists of `fn(flow, flow_run, state)`.
    `on_lost` says what happens when the machine is lost: "crash" (default), "retry" (a new attempt), "hold".
    """
    _check(options)
    if fn is None:
        return lambda function: FunctionFlow(function, **options)
    return FunctionFlow(fn, **options)


def _check(options: Mapping[str, object]) -> None:
    unknown = options.keys() - _OPTIONS
    if unknown:
        raise unknown_argument(min(unknown), _OPTIONS, of="@flow")


# What only a graph has is left out, and what 1.x calls an executor has its 2.x name.
_OF_GRAPHS = {
    "executor", "tasks", "edges", "reference_tasks", "result", "validate", "terminal_state_handler",
}  # fmt: skip
_OPTIONS = GRAPH_OPTIONS - _OF_GRAPHS | {"task_runner"}
