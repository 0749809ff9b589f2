"""The edges of a graph, read off its nodes: they are made when somebody asks, and kept nowhere."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeport.engine.arguments import flatten, unmapped
from homeport.engine.substitution import tasks_in

if TYPE_CHECKING:
    from homeport.engine.graph import AnyTask, Node


@dataclass(frozen=True, slots=True)
class Edge:
    """One task runs after another; with `key`, it gets the result as that argument."""

    upstream_task: AnyTask
    downstream_task: AnyTask
    key: str | None = None
    mapped: bool = False
    flattened: bool = False


def edges_to(node: Node) -> Iterator[Edge]:
    """The edges that end at this node; of a list of tasks in one argument, one for each."""
    for key, value in named_arguments(node).items():
        whole = isinstance(value, unmapped)
        inner = value.value if isinstance(value, unmapped) else value
        for task in tasks_in(value):
            yield Edge(task, node.task, key, node.mapped and not whole, isinstance(inner, flatten))
    for task, by_index in node.upstream.items():
        yield Edge(task, node.task, None, by_index)


def named_arguments(node: Node) -> dict[str, Any]:
    """What the node is called with, each under its parameter's name."""
    names = parameter_names(node.task, len(node.args))
    return {**dict(zip(names, node.args, strict=True)), **node.kwargs}


def parameter_names(task: AnyTask, count: int) -> list[str]:
    """The names of the task's first parameters; those of `*args` are numbered."""
    named: list[str] = []
    for name, one in inspect.signature(task.run).parameters.items():
        if one.kind is one.VAR_POSITIONAL:
            named += [f"{name}[{number}]" for number in range(count - len(named))]
        elif one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD):
            named.append(name)
    return named[:count]
