"""What a function flow would call, as a graph: its function runs, and no task of it does.

In place of a result stands a Placeholder, or what `@task(viz_return_value=...)` gives for it.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import inspect
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from homeport.engine import current
from homeport.engine.arguments import ANNOTATIONS, unmapped
from homeport.engine.graph import listed
from homeport.flows.graph_flow import Flow
from homeport.run_logging import disable_run_logger

if TYPE_CHECKING:
    from homeport.flows.function_flow import FunctionFlow
    from homeport.tasks import Task

ATOMS = frozenset({type(None), bool, int, float, str, bytes})
"""Of these an equal value may come from anywhere: they are not taken for the result of a task."""


class UntoldResult(TypeError):  # noqa: N818 - named for what is the case
    """A flow decides by a result that is not there, since its tasks do not run while it is drawn."""


class Placeholder:
    """What a task gives while its flow is drawn: future, state and result at once."""

    __slots__ = ("_node",)

    def __init__(self, node: Task[..., Any]) -> None:
        self._node = node

    def _itself(self, *args: Any, **kwargs: Any) -> Placeholder:
        return self

    result = wait = ended = get_state = _itself

    @property
    def state(self) -> Placeholder:
        """Itself."""
        return self

    def __await__(self) -> Generator[Any, None, Placeholder]:
        yield from ()
        return self

    def __iter__(self) -> Iterator[Placeholder]:
        return iter([self] * (self._node.nout or 1))  # of a map, one call stands for all

    def __getitem__(self, key: object) -> Placeholder:
        return self

    def __getattr__(self, name: str) -> Any:
        raise _untold(self, f"asks for its {name!r}")


def _untold(placeholder: Placeholder, what: str) -> UntoldResult:
    name = placeholder._node.name
    return UntoldResult(
        f"The result of task {name!r} is not there while the flow is drawn, and the flow {what}. Say what stands for "
        f"it by @task(viz_return_value=...), or with_options(viz_return_value=...)."
    )


def _refusing(operation: str) -> Callable[..., Any]:
    def refuse(self: Placeholder, *args: object) -> Any:
        raise _untold(self, f"needs it for {operation}")

    return refuse


REFUSED = (
    "bool", "len", "int", "float", "index", "contains", "lt", "le", "gt", "ge", "add", "radd", "sub", "rsub", "mul",
    "rmul", "truediv", "rtruediv", "floordiv", "mod", "pow", "neg", "enter", "exit", "call",
)  # fmt: skip
for _name in REFUSED:
    setattr(Placeholder, f"__{_name}__", _refusing(f"`{_name}`"))


class TracedFlow(Flow):
    """The graph of one call of a function flow, whose tasks become nodes where they would be called."""

    traces = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._given: dict[int, tuple[Any, Task[..., Any]]] = {}

    def traced(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Take a call; what stands for its result."""
        by_index = kwargs.pop("mapped", False)
        kwargs.pop("return_state", None)
        upstream = [kwargs.pop(name, None) for name in ("wait_for", "upstream_tasks")]
        node = copy.copy(task)
        args = tuple(self._nodes_in(value, by_index=by_index) for value in args)
        kwargs = {name: self._nodes_in(value, by_index=by_index) for name, value in kwargs.items()}
        behind = [self._nodes_in(one) for given in upstream for one in _listed(given)]
        self.nodes.bind(node, args, kwargs, [one for one in behind if one in self.nodes.nodes], by_index=by_index)
        given = task.viz_return_value
        if given is None:
            return Placeholder(node)
        if type(given) not in ATOMS:
            self._given[id(given)] = (given, node)
        return given

    def _nodes_in(self, value: Any, *, by_index: bool = False) -> Any:
        if isinstance(value, Placeholder):
            return value._node
        known = self._given.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        if by_index and (isinstance(value, str | bytes | dict) or not hasattr(type(value), "__iter__")):
            return value if isinstance(value, ANNOTATIONS) else unmapped(value)
        if isinstance(value, ANNOTATIONS):
            return type(value)(self._nodes_in(value.value))
        if type(value) in (list, tuple, set):
            return type(value)(self._nodes_in(item) for item in value)
        if type(value) is dict:
            return {key: self._nodes_in(item) for key, item in value.items()}
        return list(value) if by_index else value


def traced(flow: FunctionFlow[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> TracedFlow:
    """The graph of the tasks that the flow calls with these parameters.

    Raises UntoldResult where it depends on a result that nothing stands for, and what its function raises.
    """
    assert flow.signature is not None, "only of functions"
    graph = TracedFlow(flow.name)
    parameters = flow.validate_parameters(flow.signature.bound(args, kwargs))
    token = current.building.set(graph)
    try:
        with disable_run_logger():
            found = flow.signature.call(parameters)
            if inspect.iscoroutine(found):
                _run_elsewhere(found)
    finally:
        current.building.reset(token)
    return graph


def _listed(given: Any) -> Any:
    return [given] if isinstance(given, Placeholder) else listed(given)


def _run_elsewhere(coroutine: Any) -> None:
    """Run it on a loop of its own, in a thread: there may be one already, as in a notebook."""
    context, raised = contextvars.copy_context(), []

    def run() -> None:
        try:
            context.run(asyncio.run, coroutine)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="homeport-drawing")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
