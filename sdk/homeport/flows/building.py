"""What one does with the tasks and edges of a graph flow, besides calling tasks in its `with` block."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from homeport.engine import edges
from homeport.engine.edges import Edge
from homeport.engine.graph import Graph, Node
from homeport.engine.substitution import tasks_in
from homeport.parameters import Parameter

if TYPE_CHECKING:
    from homeport.tasks import Task

    AnyTask = Task[..., Any]
    TaskType = TypeVar("TaskType", bound=AnyTask)

Made = Any
"""What a task gave in the `with` block: a node of the flow, which has the type of the result that it stands for."""


class Building:
    """The half of a flow that is a graph."""

    name: str
    nodes: Graph
    _reference: list[AnyTask] | None

    # Adding.

    def add_task(self, task: TaskType) -> TaskType:
        """Add a task; one that is there already stays as it is. Raises ValueError for a second parameter of a name."""
        if isinstance(task, Parameter) and task not in self.nodes.nodes:
            _refuse_second(self.name, task.name, self.nodes)
        self.nodes.add(task)
        return task

    def add_edge(
        self,
        upstream_task: Any,
        downstream_task: Made,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
        validate: bool | None = None,
    ) -> Edge:
        """Run one after the other; with `key`, the result (or the constant) becomes that argument.

        With `mapped`, the downstream task is called once for each element. `validate` looks for circles at once.
        """
        self.nodes.add_edge(upstream_task, downstream_task, key, mapped=mapped, flattened=flattened)
        if validate:
            self.nodes.in_order()
        return Edge(upstream_task, downstream_task, key, mapped, flattened)

    def chain(self, *tasks: Made, validate: bool | None = None) -> list[Edge]:
        """Run each after the one before it."""
        return [self.add_edge(before, after, validate=validate) for before, after in itertools.pairwise(tasks)]

    def set_dependencies(
        self,
        task: Made,
        upstream_tasks: Iterable[Any] | None = None,
        downstream_tasks: Iterable[Made] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        mapped: bool = False,
        validate: bool | None = None,
    ) -> None:
        """All edges of a task at once; `keyword_tasks` become its arguments. With `mapped`, all of them are mapped."""
        self.add_task(task)
        for upstream in upstream_tasks or ():
            self.add_edge(upstream, task, mapped=mapped)
        for downstream in downstream_tasks or ():
            self.add_edge(task, downstream, mapped=mapped)
        for key, upstream in (keyword_tasks or {}).items():
            self.add_edge(upstream, task, key, mapped=mapped)
        if validate:
            self.nodes.in_order()

    def update(self, flow: Building, merge_parameters: bool = False, merge_reference_tasks: bool = False) -> None:
        """Take all tasks and edges of another flow. With `merge_parameters`, parameters of one name become one."""
        judged_by = list(self.deciding_tasks())
        own = {task.name: task for task in self.nodes.nodes if isinstance(task, Parameter)}
        twins: dict[AnyTask, AnyTask] = {
            task: own[task.name]
            for task in flow.nodes.nodes
            if isinstance(task, Parameter) and task.name in own and own[task.name] is not task
        }
        if twins and not merge_parameters:
            _refuse_second(self.name, next(iter(twins)).name, self.nodes)
        for task, node in flow.nodes.nodes.items():
            if task in self.nodes.nodes or task in twins:
                continue
            taken = node.copied()
            for twin, kept in twins.items():
                taken.substitute(twin, kept)
            self.nodes.adopt(taken)
        if merge_reference_tasks:
            theirs = [twins.get(task, task) for task in flow.deciding_tasks()]
            self._reference = list(dict.fromkeys([*judged_by, *theirs]))

    def replace(self, old: Made, new: Made, validate: bool = True) -> None:
        """Put one task in the place of another: with its inputs, and for all that wait for it.

        Raises ValueError for one that is in the flow already; with `validate`, as `validate()` does.
        """
        self._node(old)
        if new in self.nodes.nodes:
            raise ValueError(f"flow {self.name!r} has the task {new.name!r} already: replace by one that it has not.")
        before = list(self.nodes.nodes.values())
        replaced = self.nodes.add(new)
        replaced.args, replaced.kwargs, replaced.mapped, replaced.upstream = _inputs_of(self.nodes.nodes[old])
        # In the old one's place: tasks run in the order in which they were made.
        order = {replaced.task if node.task is old else node.task: None for node in before}
        self.nodes.nodes = {task: self.nodes.nodes[task] for task in order}
        for node in self.nodes.nodes.values():
            node.substitute(old, new)
        if self._reference is not None:
            self._reference = [new if task is old else task for task in self._reference]
        if validate:
            self.validate()

    def copy(self) -> Self:
        """A flow of the same tasks, which can be changed without changing this one."""
        made = copy.copy(self)
        made.nodes = Graph(validates=self.nodes.validates)
        for node in self.nodes.nodes.values():
            made.nodes.adopt(node.copied())
        made._reference = None if self._reference is None else list(self._reference)
        return made

    def validate(self) -> None:
        """Raises where it cannot run: CyclicGraph, TypeError for a task without its arguments, ValueError."""
        for node in self.nodes.in_order():
            node.check()
        if self._reference is not None:
            self.set_reference_tasks(self._reference)

    # Looking.

    @property
    def tasks(self) -> set[AnyTask]:
        """The tasks of a graph flow."""
        return set(self.nodes.nodes)

    @property
    def edges(self) -> set[Edge]:
        """All edges."""
        return {edge for node in self.nodes.nodes.values() for edge in edges.edges_to(node)}

    @property
    def slugs(self) -> dict[AnyTask, str]:
        """The key of each task in this flow."""
        return {task: node.key for task, node in self.nodes.nodes.items()}

    @property
    def constants(self) -> dict[AnyTask, dict[str, Any]]:
        """The arguments of each task that are no results of other tasks."""
        found = {
            task: {key: value for key, value in edges.named_arguments(node).items() if not tasks_in(value)}
            for task, node in self.nodes.nodes.items()
        }
        return {task: values for task, values in found.items() if values}

    def get_tasks(
        self,
        name: str | None = None,
        slug: str | None = None,
        tags: Iterable[str] | None = None,
        task_type: type | None = None,
    ) -> list[AnyTask]:
        """The tasks that have this name, this key, all of these tags, and are of this class."""
        wanted = frozenset(tags or ())
        return [
            task
            for task, node in self.nodes.nodes.items()
            if (name is None or task.name == name)
            and (slug is None or slug in (node.key, task.slug))
            and wanted <= task.tags
            and (task_type is None or isinstance(task, task_type))
        ]

    def root_tasks(self) -> set[AnyTask]:
        """The tasks that wait for no other."""
        return {task for task, node in self.nodes.nodes.items() if not node.inputs()}

    def terminal_tasks(self) -> set[AnyTask]:
        """The tasks that no other waits for."""
        return set(self.nodes.terminal())

    def edges_to(self, task: Made) -> set[Edge]:
        """The edges that end at a task."""
        return set(edges.edges_to(self._node(task)))

    def edges_from(self, task: Made) -> set[Edge]:
        """The edges that start at a task."""
        self._node(task)
        return {edge for edge in self.edges if edge.upstream_task is task}

    def all_upstream_edges(self) -> dict[AnyTask, set[Edge]]:
        """For each task, the edges that end there."""
        return {task: set(edges.edges_to(node)) for task, node in self.nodes.nodes.items()}

    def all_downstream_edges(self) -> dict[AnyTask, set[Edge]]:
        """For each task, the edges that start there."""
        found: dict[AnyTask, set[Edge]] = {task: set() for task in self.nodes.nodes}
        for edge in self.edges:
            found[edge.upstream_task].add(edge)
        return found

    def upstream_tasks(self, task: Made) -> set[AnyTask]:
        """The tasks that it waits for."""
        return set(self._node(task).inputs())

    def downstream_tasks(self, task: Made) -> set[AnyTask]:
        """The tasks that wait for it."""
        self._node(task)
        return {other for other, node in self.nodes.nodes.items() if task in node.inputs()}

    def sorted_tasks(self, root_tasks: Iterable[Made] | None = None) -> tuple[AnyTask, ...]:
        """All tasks, each after what it waits for; with `root_tasks`, those and what is behind them."""
        ordered = self.nodes.in_order()
        if root_tasks is None:
            return tuple(node.task for node in ordered)
        found = {self._node(task).task for task in root_tasks}
        for node in ordered:
            if any(other in found for other in node.inputs()):
                found.add(node.task)
        return tuple(node.task for node in ordered if node.task in found)

    # What it is judged by.

    def set_reference_tasks(self, tasks: Iterable[Made]) -> None:
        """The tasks by which the flow's success is judged, instead of its last ones.

        Raises ValueError for one that is not in the flow.
        """
        chosen = list(tasks)
        unknown = [getattr(task, "name", repr(task)) for task in chosen if task not in self.nodes.nodes]
        if unknown:
            raise ValueError(
                f"flow {self.name!r}: reference tasks must be tasks of the flow; not so: {', '.join(unknown)}."
            )
        self._reference = chosen

    def reference_tasks(self) -> set[AnyTask]:
        """The tasks by which the flow's success is judged."""
        return set(self.deciding_tasks())

    def deciding_tasks(self) -> list[AnyTask]:
        """The same, in the order in which they were made."""
        return self._reference if self._reference else self.nodes.deciding()

    def _node(self, task: AnyTask) -> Node:
        node = self.nodes.nodes.get(task)
        if node is None:
            raise ValueError(f"task {getattr(task, 'name', task)!r} is not in flow {self.name!r}.")
        return node


def edge_arguments(edge: Edge) -> tuple[Any, ...]:
    """An edge as the arguments of add_edge."""
    return edge.upstream_task, edge.downstream_task, edge.key, edge.mapped, edge.flattened


def _refuse_second(flow: str, name: str, graph: Graph) -> None:
    if any(isinstance(task, Parameter) and task.name == name for task in graph.nodes):
        raise ValueError(f"flow {flow!r} has a parameter {name!r} already; use that one.")


def _inputs_of(node: Node) -> tuple[tuple[Any, ...], dict[str, Any], bool, dict[AnyTask, bool]]:
    return node.args, dict(node.kwargs), node.mapped, dict(node.upstream)
