"""The nodes of a `with Flow` block, their inputs, and the order in which they can run."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.tasks import Task

    AnyTask = Task[..., Any]


class CyclicGraph(ValueError):  # noqa: N818 - named for what happened
    """Tasks wait for each other in a circle."""


@dataclass(slots=True, eq=False)
class Node:
    """A task in a flow: its key there, and what it is called with."""

    task: AnyTask
    key: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    mapped: bool = False
    upstream: dict[AnyTask, None] = field(default_factory=dict)
    """The tasks it waits for, besides those in its arguments."""

    def inputs(self) -> dict[AnyTask, None]:
        """Every task that has to end before this one."""
        found = dict(self.upstream)
        _tasks_in([self.args, self.kwargs], found)
        return found


class Graph:
    """All nodes of a flow."""

    def __init__(self) -> None:
        self.nodes: dict[AnyTask, Node] = {}
        self._counts: dict[str, int] = {}

    def add(self, task: AnyTask) -> Node:
        """The node of a task, made if it is not there yet."""
        node = self.nodes.get(task)
        if node is None:
            number = self._counts.get(task.key, 0) + 1
            self._counts[task.key] = number
            node = self.nodes[task] = Node(task, task.key if number == 1 else f"{task.key}-{number}")
        return node

    def bind(
        self,
        task: AnyTask,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        upstream: Any = None,
        *,
        mapped: bool = False,
    ) -> Node:
        """Give a task its inputs. Raises TypeError, naming the task, for arguments that its function does not take."""
        try:
            inspect.signature(task.run).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"task {task.name!r}: {error}") from None
        if mapped:
            _refuse_dicts(task.name, args, kwargs)
        node = self.add(task)
        node.args, node.kwargs, node.mapped = args, kwargs, mapped
        for other in node.inputs():
            self.add(other)
        for other in listed(upstream):
            self.add_edge(other, task)
        return node

    def add_edge(self, before: object, after: AnyTask, key: str | None = None, *, mapped: bool = False) -> None:
        """Run `after` after `before`; with `key`, give it that result (or that constant) as an argument."""
        from homeport.tasks import Task

        node = self.add(after)
        if isinstance(before, Task):
            self.add(before)
        if key is not None:
            node.kwargs = {**node.kwargs, key: before}
            node.mapped = node.mapped or mapped
        else:
            _tasks_in(before, node.upstream)
            for other in node.upstream:
                self.add(other)

    def in_order(self) -> list[Node]:
        """All nodes, each after its inputs; otherwise in the order in which they were made.

        Raises CyclicGraph where there is no such order.
        """
        ordered: dict[AnyTask, Node] = {}
        for start in self.nodes:
            self._visit(start, ordered)
        return list(ordered.values())

    def terminal(self) -> list[AnyTask]:
        """The tasks that no other waits for."""
        waited_for = {other for node in self.nodes.values() for other in node.inputs()}
        return [task for task in self.nodes if task not in waited_for]

    def _visit(self, start: AnyTask, ordered: dict[AnyTask, Node]) -> None:
        # A stack of its own instead of recursion: a chain may be longer than Python's stack is deep.
        path: dict[AnyTask, Iterator[AnyTask]] = {}
        if start not in ordered:
            path[start] = iter(self.nodes[start].inputs())
        while path:
            task, inputs = next(reversed(path.items()))
            following = next(inputs, None)
            if following is None:
                ordered[task] = self.nodes[task]
                path.popitem()
            elif following in path:
                circle = [*list(path)[list(path).index(following) :], following]
                raise CyclicGraph(f"These tasks wait for each other: {' → '.join(self._key(one) for one in circle)}.")
            elif following not in ordered:
                path[following] = iter(self.nodes[following].inputs())

    def _key(self, task: AnyTask) -> str:
        return self.nodes[task].key


def listed(value: Any) -> Iterable[Any]:
    """One task, several, or None, as a list."""
    from homeport.tasks import Task

    if value is None:
        return ()
    return [value] if isinstance(value, Task) else list(value)


def _tasks_in(value: Any, found: dict[AnyTask, None]) -> None:
    from homeport.engine.arguments import allow_failure, unmapped
    from homeport.tasks import Task

    if isinstance(value, Task):
        found[value] = None
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            _tasks_in(item, found)
    elif isinstance(value, dict):
        _tasks_in(list(value.values()), found)
    elif isinstance(value, unmapped | allow_failure):
        _tasks_in(value.value, found)


def with_results(value: Any, results: dict[AnyTask, Any]) -> Any:
    """The value with what each task stands for in its place."""
    from homeport.engine.arguments import allow_failure, unmapped
    from homeport.tasks import Task

    if isinstance(value, Task):
        return results[value]
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(with_results(item, results) for item in value)
    if type(value) is dict:
        return {key: with_results(item, results) for key, item in value.items()}
    if isinstance(value, unmapped | allow_failure):
        return type(value)(with_results(value.value, results))
    return value


def _refuse_dicts(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    from homeport.engine.calls import refuse_dict

    given: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    for key, value in given:
        refuse_dict(name, key, value)
