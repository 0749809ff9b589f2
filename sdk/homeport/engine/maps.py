"""A task mapped: one task run for each element of its arguments."""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Never

from homeport.engine import decisions, states
from homeport.engine.arguments import (
    WALKED,
    Constant,
    Shared,
    allow_failure,
    elements,
    find_futures,
    flatten,
    flattened,
    unmapped,
)
from homeport.engine.calls import submit
from homeport.engine.retry_policy import RetryPolicy
from homeport.engine.shared_inputs import SharedInputs
from homeport.futures import Future, FutureList

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.tasks import Task

MOST_OF_A_GENERATOR = 1_000_000
"""How many elements are taken from a generator; one that does not end would fill the memory."""
WHOLE = (str, bytes, bytearray, unmapped, allow_failure)
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class UnequalMap(ValueError):  # noqa: N818 - named for what happened
    """The arguments of a map have different lengths."""


@dataclass(slots=True)
class Columns:
    """What a map goes over: for each argument its elements, or None where each call gets the whole."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    found: dict[int | str, Sequence[Any] | None]
    length: int

    @classmethod
    def of(cls, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, in_graph: bool) -> Columns:
        """The columns; raises TypeError for what cannot be mapped over, and UnequalMap.

        In a graph the shortest one ends the map, as in 1.x, and text and generators are refused.
        """
        given: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
        found = {key: _column(name, key, value, in_graph=in_graph) for key, value in given}
        lengths = {key: len(column) for key, column in found.items() if column is not None}
        if lengths and len(set(lengths.values())) > 1 and not in_graph:
            told = ", ".join(f"{_named(key)}: {length}" for key, length in lengths.items())
            raise UnequalMap(
                f"{name}.map(): its arguments have different lengths ({told}). Use unmapped(...) for constants."
            )
        return cls(name, args, kwargs, found, min(lengths.values(), default=-1))

    def wholes(self) -> Iterator[Any]:
        """The arguments that each call gets whole."""
        given: list[tuple[int | str, Any]] = [*enumerate(self.args), *self.kwargs.items()]
        return (value for key, value in given if self.found[key] is None)

    def calls(self) -> Iterator[Arguments]:
        """The arguments of each call."""
        positional = [self._of_each_call(position, value) for position, value in enumerate(self.args)]
        named = {key: self._of_each_call(key, value) for key, value in self.kwargs.items()}
        for index in range(self.length):
            yield (
                tuple(whole if column is None else column[index] for column, whole in positional),
                {key: whole if column is None else column[index] for key, (column, whole) in named.items()},
            )

    def _of_each_call(self, key: int | str, value: Any) -> tuple[Sequence[Any] | None, Any]:
        column = self.found[key]
        return column, _whole(value) if column is None else None


def map_here(
    run: FlowRun,
    task: Task[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    wait_for: Any,
    *,
    in_graph: bool = False,
    by_index: Sequence[FutureList[Any]] = (),
    **how: Any,
) -> FutureList[Any]:
    """Submit the task once for each element; the futures. One that did not run stands for all if an input failed.

    `wait_for` is waited for by each call, and `by_index` holds maps whose n-th call the n-th call waits for.
    """
    inputs = _results_to_map_over((*args, *kwargs.values()))
    for future in inputs:
        future.block()
    if any(not future.state.is_completed() or future.state.is_skipped() for future in inputs):
        return FutureList([_stands_for_all(run, task, args, kwargs, wait_for, how)])
    columns = Columns.of(task.name, args, kwargs, in_graph=in_graph)
    length = min([*([columns.length] if columns.length >= 0 else []), *(len(other) for other in by_index)], default=-1)
    if length < 0:
        raise TypeError(
            f"{task.name}.map(): none of its arguments can be mapped over. Give at least one list; "
            f"to call the task once, use {task.name}{'(...)' if in_graph else '.submit(...)'}."
        )
    columns.length = length
    shared: dict[Future[Any], bool] = dict.fromkeys(inputs, True)
    find_futures(wait_for, shared)
    for value in columns.wholes():
        find_futures(value, shared)
    if in_graph and length == 0 and shared and _may_not_start(task, shared):
        # No call is there to show it; as in 1.x, a map behind a skipped or failed task is skipped or failed itself.
        return FutureList([_stands_for_all(run, task, args, kwargs, wait_for, how)])
    group = SharedInputs(shared) if shared else None
    futures: FutureList[Any] = FutureList(awaited=task.is_async and run.is_async)
    for index, (one_args, one_kwargs) in enumerate(columns.calls()):
        behind = [other[index] for other in by_index] if by_index else None
        futures.append(submit(run, task, one_args, one_kwargs, behind, map_index=index, shared=group, **how))
    return futures


def _may_not_start(task: Task[..., Any], upstream: dict[Future[Any], bool]) -> bool:
    for future in upstream:
        future.block()
    strict = {future: future.state for future, matters in upstream.items() if matters}
    verdict = decisions.start_verdict(task.trigger, strict, skip_on_upstream_skip=task.skip_on_upstream_skip)
    return verdict is not None


def map_or_fail(
    run: FlowRun, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], wait_for: Any, **how: Any
) -> FutureList[Any]:
    """The same for a node of a graph, where a map that cannot be made is the failure of that node."""
    try:
        return map_here(run, task, args, kwargs, wait_for, in_graph=True, **how)
    except (TypeError, UnequalMap) as error:
        how.pop("by_index", None)
        return FutureList([failed(run, task, error, **how)])


def failed(run: FlowRun, task: Task[..., Any], error: Exception, **how: Any) -> Future[Any]:
    """A task run that ends by this error before it could be given its arguments."""
    task_run = run.new_task_run(task, (), {}, **how)
    run.log("ERROR", str(error), task_run.id)
    task_run.finish(states.Failed(str(error), data=error))
    return task_run.future


def open_inputs(values: Iterable[Any]) -> list[Future[Any]]:
    """The futures in the arguments of a map that have to end before it is known how many calls it makes."""
    return [future for future in _results_to_map_over(values) if not future.done()] + [
        future
        for value in values
        if type(value) is flatten and isinstance(value.value, list)
        for future in value.value
        if type(future) is Future and not future.done()
    ]


def refuse_in_graph(name: str, key: int | str, value: Any) -> None:
    """Raises TypeError, with the mend, for an argument of a map in a graph that has no elements to go over in order."""
    refuse_dict(name, key, value)
    argument = _named(key)
    if isinstance(value, str | bytes):
        raise TypeError(
            f"{name}.map(): {argument} is text, {value[:40]!r}. Wrap it in unmapped(...) to give it whole to each "
            f"call; to map over its letters, write list(...)."
        )
    if inspect.isgenerator(value) or (hasattr(value, "__next__") and hasattr(value, "__iter__")):
        raise TypeError(
            f"{name}.map(): {argument} is a {type(value).__name__}, which can be read only once, and a flow can be run "
            f"more than once. Write list(...) around it."
        )


def refuse_dict(name: str, key: int | str, value: Any) -> None:
    """Raises TypeError, with the mend, if this argument of a map is a dict."""
    if not isinstance(value, dict):
        return
    keys = [repr(entry) for entry, held in value.items() if isinstance(held, list | tuple)]
    mend = f" Do you mean {_named(key)}[{keys[0]}]?".replace("'", '"') if keys else ""
    raise TypeError(
        f"{name}.map(): {_named(key)} is a dict, which has no order to map over.{mend} "
        f"Map over list(d.values()) or list(d.items()), or wrap it in unmapped(...) to give it whole to each call."
    )


def _stands_for_all(
    run: FlowRun,
    task: Task[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    wait_for: Any,
    how: dict[str, Any],
) -> Future[Any]:
    """A task run that ends by its trigger; where that would let it run, there is still nothing to map over."""
    stand_in = copy.copy(task)
    stand_in.run = _Refusal(task.name)  # type: ignore[method-assign]
    stand_in.is_async, stand_in.retry_policy = False, RetryPolicy()
    return submit(run, stand_in, args, kwargs, wait_for, **how)


class _Refusal:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError(
            f"{self.name}.map(): what it maps over failed or was skipped, so there are no elements. Its trigger lets "
            f"it run all the same: give it the result as a whole, by unmapped(...), or use another trigger."
        )


def _results_to_map_over(values: Iterable[Any]) -> dict[Future[Any], None]:
    inner = (value.value if type(value) is flatten else value for value in values)
    return {value: None for value in inner if type(value) is Future}


def _whole(value: Any) -> Any:
    value = value.value if type(value) is unmapped else value
    if type(value) is Constant:
        return value
    found: dict[Future[Any], bool] = {}
    find_futures(value, found)
    return Shared(value) if found else Constant(value) if type(value) in WALKED else value


def _column(name: str, key: int | str, value: Any, *, in_graph: bool) -> Sequence[Any] | None:
    if type(value) is flatten:
        return _flattened(name, key, value.value)
    if type(value) is Future:
        value = value.state.result()
    refuse_dict(name, key, value)
    if in_graph:
        refuse_in_graph(name, key, value)
    if isinstance(value, WHOLE) or not hasattr(type(value), "__iter__"):
        if not isinstance(value, WHOLE) and hasattr(type(value), "__getitem__") and hasattr(type(value), "__len__"):
            return [value[index] for index in range(len(value))]
        return None
    return value if isinstance(value, list | tuple) else _listed(name, key, value)


def _listed(name: str, key: int | str, value: Any) -> list[Any]:
    """The elements of what is no list yet; raises TypeError for a generator that does not come to an end."""
    if hasattr(type(value), "__len__"):
        return list(value)
    found = list(itertools.islice(value, MOST_OF_A_GENERATOR + 1))
    if len(found) > MOST_OF_A_GENERATOR:
        raise TypeError(
            f"{name}.map(): {_named(key)} is a {type(value).__name__} that has given more than {MOST_OF_A_GENERATOR:,} "
            f"elements and may be without end. Take the first ones, by itertools.islice(...), or write list(...) "
            f"around it."
        )
    return found


def _flattened(name: str, key: int | str, value: Any) -> list[Any]:
    """The elements of all lists. A call of a map that has none, because it failed or was skipped, stands for itself."""
    try:
        if type(value) is Future:
            return flattened(value.state.result())
        found: list[Any] = []
        for inner in elements(value):
            if type(inner) is not Future:
                found += elements(inner)
                continue
            inner.block()
            if inner.state.is_completed() and not inner.state.is_skipped():
                found += elements(inner.state.result())
            else:
                found.append(inner)
        return found
    except TypeError as error:
        raise TypeError(f"{name}.map(): {_named(key)}: {error}") from None


def _named(key: int | str) -> str:
    return f"argument {key + 1}" if isinstance(key, int) else key
