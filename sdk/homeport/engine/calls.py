"""A task used in a run: called, submitted, or mapped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from homeport.engine import states
from homeport.engine.arguments import WALKED, Constant, allow_failure, find_futures, unmapped
from homeport.engine.states import State
from homeport.engine.task_runs import TaskRun
from homeport.futures import Future, FutureList

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.tasks import Task

WHOLE = (str, bytes, bytearray, unmapped, allow_failure)


class UnequalMap(ValueError):  # noqa: N818 - named for what happened
    """The arguments of a map have different lengths."""


def call(run: FlowRun, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run the task here and now; its result (to be awaited if both task and flow are async), or what it raised."""
    wait_for = kwargs.pop("wait_for", None)
    return_state = kwargs.pop("return_state", False)
    task_run = run.new_task_run(task, args, kwargs, wait_for=wait_for, direct=True)
    if not task.is_async:
        return _outcome(task_run.here(), return_state)
    if run.is_async and run.places.in_loop():
        return _call_async(task_run, return_state)
    run.places.run_on_loop(task_run)
    return _outcome(task_run.state, return_state)


async def _call_async(task_run: TaskRun, return_state: bool) -> Any:
    return _outcome(await task_run.here_async(), return_state)


def _outcome(state: State, return_state: bool) -> Any:
    return state if return_state else state.result()


def submit(
    run: FlowRun, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], wait_for: Any, **how: Any
) -> Future[Any]:
    """Run the task where the flow's task runner says; its future."""
    task_run = run.new_task_run(task, args, kwargs, wait_for=wait_for, **how)
    task_run.start()
    return task_run.future


def map_here(
    run: FlowRun, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], wait_for: Any, **how: Any
) -> FutureList[Any]:
    """Submit the task once for each element; the futures. One that did not run stands for all if an input failed."""
    inputs: dict[Future[Any], bool] = {}
    for value in (*args, *kwargs.values()):
        if type(value) is Future:
            inputs[value] = True
    for future in inputs:
        future.block()
    if any(not future.state.is_completed() or future.state.is_skipped() for future in inputs):
        return FutureList([submit(run, task, args, kwargs, wait_for, **how)])
    found: dict[Future[Any], bool] = {}
    find_futures(wait_for, found)
    behind = [*found, *inputs]
    return FutureList(
        submit(run, task, one_args, one_kwargs, behind, map_index=index, **how)
        for index, (one_args, one_kwargs) in enumerate(calls_of_map(task.name, args, kwargs))
    )


def map_or_fail(
    run: FlowRun, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], wait_for: Any, **how: Any
) -> FutureList[Any]:
    """The same for a node of a graph, where a map that cannot be made is the failure of that node."""
    try:
        return map_here(run, task, args, kwargs, wait_for, **how)
    except (TypeError, UnequalMap) as error:
        task_run = run.new_task_run(task, (), {}, **how)
        run.log("ERROR", str(error), task_run.id)
        task_run.finish(states.Failed(str(error), data=error))
        return FutureList([task_run.future])


def calls_of_map(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterable[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments of each call: the n-th elements of what is mapped over, and the whole of everything else."""
    given: list[tuple[int | str, Any]] = [*((position, value) for position, value in enumerate(args)), *kwargs.items()]
    columns = {key: _column(name, key, value) for key, value in given}
    lengths = {key: len(column) for key, column in columns.items() if column is not None}
    if not lengths:
        raise TypeError(
            f"{name}.map(): none of its arguments can be mapped over. Give at least one list; "
            f"to call the task once, use {name}.submit(...)."
        )
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{_named(key)}: {length}" for key, length in lengths.items())
        raise UnequalMap(
            f"{name}.map(): its arguments have different lengths ({told}). Use unmapped(...) for constants."
        )
    whole = {key: _whole(value) for key, value in given if columns[key] is None}
    for index in range(next(iter(lengths.values()))):
        row = {key: whole[key] if column is None else column[index] for key, column in columns.items()}
        yield tuple(row[position] for position in range(len(args))), {key: row[key] for key in kwargs}


def _whole(value: Any) -> Any:
    value = value.value if type(value) is unmapped else value
    found: dict[Future[Any], bool] = {}
    find_futures(value, found)
    return value if found or type(value) not in WALKED else Constant(value)


def _column(name: str, key: int | str, value: Any) -> list[Any] | tuple[Any, ...] | None:
    if type(value) is Future:
        value = value.state.result()
    refuse_dict(name, key, value)
    if isinstance(value, WHOLE) or not hasattr(type(value), "__iter__"):
        if not isinstance(value, WHOLE) and hasattr(type(value), "__getitem__") and hasattr(type(value), "__len__"):
            return [value[index] for index in range(len(value))]
        return None
    return value if isinstance(value, list | tuple) else list(value)


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


def _named(key: int | str) -> str:
    return f"argument {key + 1}" if isinstance(key, int) else key
