"""Tasks as nodes: what a task understands while a flow is built, and what 1.x calls binding."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, cast, get_args, get_origin, get_type_hints

from homeport.engine import current
from homeport.engine.graph import listed
from homeport.tasks.expressions import Expressions

if TYPE_CHECKING:
    from homeport.flows import Flow
    from homeport.flows.traced_flow import TracedFlow
    from homeport.tasks import Task


class Bindable(Expressions):
    """The half of a task that belongs to `with Flow` blocks."""

    name: str
    nout: int | None

    @property
    def _task(self) -> Task[..., Any]:
        return cast("Task[..., Any]", self)

    def bind(
        self,
        *args: Any,
        upstream_tasks: Any = None,
        mapped: bool = False,
        flow: Flow | None = None,
        **kw: Any,
    ) -> Self:
        """Make this very task (not a copy) a node of the flow, with these inputs."""
        self._flow(flow, "bind").nodes.bind(self._task, args, kw, upstream_tasks, by_index=mapped)
        return self

    def set_upstream(
        self, task: object, flow: Flow | None = None, key: str | None = None, mapped: bool = False
    ) -> Self:
        """Run after `task`; with `key`, its result becomes that argument."""
        self._flow(flow, "set_upstream").add_edge(task, self._task, key, mapped=mapped)
        return self

    def set_downstream(
        self, task: Task[..., Any], flow: Flow | None = None, key: str | None = None, mapped: bool = False
    ) -> Self:
        """Run before `task`; with `key`, the result becomes that argument of it."""
        self._flow(flow, "set_downstream").add_edge(self, task, key, mapped=mapped)
        return self

    def set_dependencies(
        self,
        flow: Flow | None = None,
        upstream_tasks: Iterable[object] | None = None,
        downstream_tasks: Iterable[Task[..., Any]] | None = None,
        keyword_tasks: Mapping[str, object] | None = None,
        mapped: bool = False,
    ) -> Self:
        """All of a node's edges at once."""
        found = self._flow(flow, "set_dependencies")
        found.set_dependencies(self._task, upstream_tasks, downstream_tasks, keyword_tasks, mapped)
        return self

    def pipe(self, _task: Any, /, **kwargs: Any) -> Any:
        """`a.pipe(b, x=1)` is `b(a, x=1)`: chains that read from left to right."""
        return _task(self, **kwargs)

    def inputs(self) -> dict[str, dict[str, Any]]:
        """What the task takes, by name: `type` (its annotation, or Any), `default`, and whether it is `required`."""
        return {
            name: {
                "type": _annotation(one.annotation),
                "default": None if one.default is one.empty else one.default,
                "required": one.default is one.empty,
            }
            for name, one in inspect.signature(self._task.run).parameters.items()
            if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        }

    def outputs(self) -> Any:
        """The annotation of what the task returns; Any without one."""
        return _annotation(inspect.signature(self._task.run).return_annotation)

    def __iter__(self) -> Any:
        count = _length_of_result(self._task.run) if self.nout is None else self.nout
        if count is None:
            raise TypeError(
                f"The result of task {self.name!r} is not known while the flow is built, so it cannot be looped over. "
                f"To unpack a tuple, say how many it has: @task(nout=2), or -> tuple[int, str]. To do something with "
                f"each, use .map()."
            )
        return (self[index] for index in range(count))

    def _add_to(self, flow: Flow, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self:
        if flow.traces:
            return cast("TracedFlow", flow).traced(self._task, args, kwargs)  # type: ignore[no-any-return]
        options = kwargs.pop("task_args", None) or {}
        upstream = [kwargs.pop(name, None) for name in ("upstream_tasks", "wait_for")]
        mapped = kwargs.pop("mapped", False)
        node = self._task.with_options(**options) if options else copy.copy(self._task)
        flow.nodes.bind(node, args, kwargs, [task for given in upstream for task in listed(given)], by_index=mapped)
        return cast("Self", node)

    def _flow(self, flow: Flow | None, what: str) -> Flow:
        found = flow or current.building.get()
        if found is None:
            raise ValueError(
                f"{self.name}.{what}(): no flow is being built here. Do it in the `with Flow(...)` block, or say flow=."
            )
        return found


def _annotation(found: Any) -> Any:
    return Any if found is inspect.Parameter.empty else found


def _length_of_result(function: Callable[..., Any]) -> int | None:
    """How many elements a function returns whose annotation is a tuple of so many; None where it does not say."""
    try:
        returned = get_type_hints(function).get("return")
    except Exception:  # a name that is only there for type checkers, say
        return None
    parts = get_args(returned)
    return len(parts) if get_origin(returned) is tuple and parts and parts[-1] is not Ellipsis else None
