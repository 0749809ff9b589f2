"""`apply_map`: a function that builds a piece of a graph, mapped as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from homeport.engine import current
from homeport.engine.arguments import unmapped
from homeport.engine.substitution import ANNOTATIONS, tasks_in
from homeport.tasks.function_task import FunctionTask
from homeport.tasks.task_class import Task

if TYPE_CHECKING:
    from homeport.engine.graph import Node
    from homeport.flows import Flow

    AnyTask = Task[..., Any]


def apply_map(func: Callable[..., Any], *args: Any, flow: Flow | None = None, **kwargs: Any) -> Any:
    """Call a function that makes tasks of its arguments, and have these tasks mapped over the arguments.

    The function is called once, while the flow is built, and may use `case`, `merge` and other tasks. An argument in
    `unmapped(...)` is given whole to each call. Returns what the function returns. Raises ValueError where no flow is
    being built, TypeError for what is no function, and where every argument is `unmapped(...)`.
    """
    found = flow or current.building.get()
    if found is None:
        raise ValueError("apply_map(...) belongs in a `with Flow(...)` block, or takes flow=.")
    if not callable(func) or isinstance(func, Task):
        raise TypeError(f"apply_map(...) takes a function that makes tasks; it was given {func!r}. A task has .map().")
    token = current.building.set(found)
    try:
        by_index: dict[AnyTask, None] = {}
        given = [_as_task(value, found, by_index) for value in args]
        named = {key: _as_task(value, found, by_index) for key, value in kwargs.items()}
        if not by_index:
            raise TypeError("apply_map(...): every argument is unmapped(...), so there is nothing to map over.")
        before = set(found.nodes.nodes)
        made = func(*given, **named)
        for node in found.nodes.in_order():
            if node.task not in before:
                _map(node, by_index, found)
    finally:
        current.building.reset(token)
    return made


def _as_task(value: Any, flow: Flow, by_index: dict[AnyTask, None]) -> Any:
    """What the function gets for an argument: a task, also for a constant, so that it can be used like one."""
    whole = isinstance(value, unmapped)
    value = value.value if isinstance(value, unmapped) else value
    if isinstance(value, ANNOTATIONS) or not isinstance(value, Task):
        value = FunctionTask(_itself, "Constant").bind(value, flow=flow)
    flow.nodes.add(value)
    if not whole:
        by_index[value] = None
    return value


def _map(node: Node, by_index: dict[AnyTask, None], flow: Flow) -> None:
    """Map a node that depends on something that is mapped; each of its inputs as that one is."""
    if not any(task in by_index for task in node.inputs()):
        return
    node.args = tuple(_by_index(value, by_index, flow) for value in node.args)
    node.kwargs = {key: _by_index(value, by_index, flow) for key, value in node.kwargs.items()}
    node.upstream = {task: task in by_index for task in node.upstream}
    node.mapped = True
    by_index[node.task] = None


def _by_index(value: Any, by_index: dict[AnyTask, None], flow: Flow) -> Any:
    if isinstance(value, Task):
        return value if value in by_index else unmapped(value)
    inside = tasks_in(value)
    if not any(task in by_index for task in inside):
        return unmapped(value)
    # A list (or dict, ...) that is to be made anew for each call, of what belongs to that call.
    collected = FunctionTask(_itself, type(value).__name__.capitalize()).bind(value, flow=flow)
    node = flow.nodes.nodes[collected]
    node.args, node.kwargs = (), _parts(value, by_index)
    collected.run = _Rebuilt(value)  # type: ignore[method-assign]
    node.mapped = True
    by_index[collected] = None
    return collected


def _parts(value: Any, by_index: dict[AnyTask, None]) -> dict[str, Any]:
    return {
        f"part_{number}": task if task in by_index else unmapped(task) for number, task in enumerate(tasks_in(value))
    }


class _Rebuilt:
    """Makes a collection again, with results in the place of its tasks."""

    def __init__(self, pattern: Any) -> None:
        self.pattern, self.order = pattern, list(tasks_in(pattern))

    def __call__(self, **parts: Any) -> Any:
        from homeport.engine.substitution import substituted

        results = {task: parts[f"part_{number}"] for number, task in enumerate(self.order)}
        return substituted(self.pattern, results.__getitem__)


def _itself(value: Any) -> Any:
    return value
