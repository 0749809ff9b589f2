"""The nodes of a `with Flow` block, their inputs, and the order in which they can run."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homeport.engine.arguments import ANNOTATIONS, flatten, mapped, resolve, unmapped
from homeport.engine.edges import parameter_names
from homeport.engine.misfits import misfit
from homeport.engine.substitution import substituted, tasks_in

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
    upstream: dict[AnyTask, bool] = field(default_factory=dict)
    """The tasks it waits for, besides those in its arguments; true for one that a map waits for index by index."""

    def inputs(self) -> dict[AnyTask, None]:
        """Every task that has to end before this one."""
        found = dict.fromkeys(self.upstream)
        for value in self.args:
            tasks_in(value, found)
        for value in self.kwargs.values():
            tasks_in(value, found)
        return found

    def check(self) -> None:
        """Raises TypeError, naming task and parameter, where its function cannot be called with what it is given."""
        wrong = misfit(self.task, self.args, self.kwargs)
        if wrong is not None:
            raise wrong

    def copied(self) -> Node:
        """The same, for another graph."""
        return Node(self.task, self.key, self.args, dict(self.kwargs), self.mapped, dict(self.upstream))

    def substitute(self, old: AnyTask, new: AnyTask) -> None:
        """Let it take `new` where it took `old`."""

        def other(task: AnyTask) -> AnyTask:
            return new if task is old else task

        self.args = tuple(substituted(value, other) for value in self.args)
        self.kwargs = {key: substituted(value, other) for key, value in self.kwargs.items()}
        self.upstream = {other(task): by_index for task, by_index in self.upstream.items()}


class Graph:
    """All nodes of a flow."""

    def __init__(self, *, validates: bool = False) -> None:
        self.validates = validates
        """Whether a circle is looked for each time an edge is made; else it is found before anything runs."""
        self.nodes: dict[AnyTask, Node] = {}
        self._counts: dict[str, int] = {}

    def add(self, task: AnyTask) -> Node:
        """The node of a task, made if it is not there yet. Raises TypeError for what is no task."""
        node = self.nodes.get(task)
        if node is None:
            node = self.nodes[task] = Node(task, self._free_key(_checked(task).key))
        return node

    def adopt(self, node: Node) -> None:
        """Take a node of another graph, under a key that is free here."""
        node.key = self._free_key(node.task.key)
        self.nodes[node.task] = node

    def bind(
        self,
        task: AnyTask,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        upstream: Any = None,
        *,
        by_index: bool = False,
    ) -> Node:
        """Give a task its inputs; `by_index` maps it.

        Raises TypeError, naming the task, for arguments that its function does not take."""
        args, kwargs, by_index = _annotated(args, kwargs, by_index=by_index)
        if not by_index:
            args = tuple(_settled(value) for value in args)
            kwargs = {key: _settled(value) for key, value in kwargs.items()}
        made = Node(task, "", args, kwargs)
        made.check()
        try:
            inputs = made.inputs()
        except RecursionError:
            raise TypeError(
                f"Task {task.name!r}: an argument contains itself, or is nested deeper than Python's stack is: "
                f"the tasks in it cannot be found. Make such a value in a task, and give its result."
            ) from None
        if by_index:
            _refuse_what_has_no_order(task.name, args, kwargs)
        node = self.add(task)
        node.args, node.kwargs, node.mapped = args, kwargs, by_index
        for other in (*inputs, *node.upstream):
            self.add(other)
        for other in listed(upstream):
            self.add_edge(other, task, mapped=by_index)
        if self.validates:
            self.in_order()
        return node

    def add_edge(
        self, before: Any, after: AnyTask, key: str | None = None, *, mapped: bool = False, flattened: bool = False
    ) -> None:
        """Run `after` after `before`; with `key`, give it that result (or that constant) as an argument.

        Raises ValueError for an argument that the task has been given already, or does not take.
        """
        self._add_edge(before, after, key, mapped=mapped, flattened=flattened)
        if self.validates:
            self.in_order()

    def _add_edge(self, before: Any, after: AnyTask, key: str | None, *, mapped: bool, flattened: bool) -> None:
        node = self.add(after)
        if key is None:
            by_index = mapped and not isinstance(before, unmapped)
            for other in tasks_in(before):
                self.add(other)
                node.upstream[other] = by_index
            node.mapped = node.mapped or by_index
            return
        _check_key(node, key)
        before, by_index = flatten(before) if flattened else before, mapped
        if by_index and not node.mapped:  # what it had so far, each call gets whole
            node.args = tuple(_whole(value) for value in node.args)
            node.kwargs = {name: _whole(value) for name, value in node.kwargs.items()}
        node.mapped = node.mapped or by_index
        node.kwargs = {**node.kwargs, key: before if by_index or not node.mapped else _whole(before)}
        for other in tasks_in(before):
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

    def deciding(self) -> list[AnyTask]:
        """The tasks by which a flow is judged: those that nothing but the cleaning up of a resource waits for."""
        waited_for = {other for node in self.nodes.values() if not node.task.only_cleans_up for other in node.inputs()}
        found = [task for task in self.nodes if task not in waited_for and not task.only_cleans_up]
        return found or self.terminal()

    def _free_key(self, wanted: str) -> str:
        number = self._counts.get(wanted, 0) + 1
        self._counts[wanted] = number
        return wanted if number == 1 else f"{wanted}-{number}"

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
                told = " → ".join(self._key(one) for one in circle)
                raise CyclicGraph(
                    f"These tasks wait for each other: {told}. Take one of these edges away: an argument, a task in "
                    f"upstream_tasks=, a set_upstream() or an add_edge()."
                )
            elif following not in ordered:
                path[following] = iter(self.nodes[following].inputs())

    def _key(self, task: AnyTask) -> str:
        return self.nodes[task].key


def listed(value: Any) -> Iterable[Any]:
    """One task, several, or None, as a list."""
    from homeport.tasks import Task

    if value is None:
        return ()
    return [value] if isinstance(value, Task | unmapped) else list(value)


def _checked(task: Any) -> AnyTask:
    from homeport.tasks import Task

    if not isinstance(task, Task):
        hint = f" Make one of it: {task.__name__}()." if isinstance(task, type) and issubclass(task, Task) else ""
        raise TypeError(f"A flow is made of tasks; it was given {task!r}.{hint}")
    return task


def _annotated(
    args: tuple[Any, ...], kwargs: dict[str, Any], *, by_index: bool
) -> tuple[tuple[Any, ...], dict[str, Any], bool]:
    """Arguments without `mapped(...)`: where it stands, everything else is whole."""
    given = [*args, *kwargs.values()]
    if not any(isinstance(value, mapped) for value in given):
        return args, kwargs, by_index

    def one(value: Any) -> Any:
        return value.value if isinstance(value, mapped) else value if by_index else _whole(value)

    return tuple(one(value) for value in args), {key: one(value) for key, value in kwargs.items()}, True


def _whole(value: Any) -> Any:
    return value if isinstance(value, unmapped) else unmapped(value)


def _settled(value: Any) -> Any:
    """An annotated constant of a plain call is known now; what stands around a task is looked at in the run."""
    return resolve(value) if isinstance(value, ANNOTATIONS) and not tasks_in(value) else value


def _check_key(node: Node, key: str) -> None:
    taken = {*node.kwargs, *parameter_names(node.task, len(node.args))}
    if key in taken:
        raise ValueError(f"task {node.task.name!r} has been given its argument {key!r} already.")
    parameters = inspect.signature(node.task.run).parameters
    if key not in parameters and not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        raise ValueError(
            f"task {node.task.name!r} takes no argument {key!r}. It takes: {', '.join(parameters) or 'none'}."
        )


def _refuse_what_has_no_order(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    from homeport.engine.maps import refuse_in_graph

    given: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    for key, value in given:
        refuse_in_graph(name, key, value.value if isinstance(value, flatten) else value)
