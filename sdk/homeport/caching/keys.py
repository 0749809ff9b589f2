"""Cache keys: what a key function is given, and the ready one, `task_input_hash`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING, Any

from homeport.caching.hashing import Unhashable, digest
from homeport.results.errors import CacheKeyError

if TYPE_CHECKING:
    from homeport.engine.run import FlowRunInfo
    from homeport.engine.task_runs import TaskRun
    from homeport.tasks import Task


@dataclass(frozen=True, slots=True)
class TaskRunContext:
    """What a `cache_key_fn` can ask: the task, its run, the flow run, arguments and time."""

    task: Task[..., Any]
    task_run: TaskRun
    flow_run: FlowRunInfo
    parameters: dict[str, Any]
    flow_parameters: dict[str, Any]
    start_time: datetime


KeyFunction = Callable[[TaskRunContext, dict[str, Any]], str | None]


def task_input_hash(context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    """A key of the task, the code of its function and its arguments; raises CacheKeyError, naming the argument."""
    task = context.task
    return digest([task.key, code_digest(task.run), inputs_digest(task.name, parameters)])


def inputs_digest(task: str, parameters: Mapping[str, Any]) -> str:
    """The digest of a call's arguments; raises CacheKeyError, which names task and argument and says what to do."""
    try:
        return digest(dict(parameters))
    except Unhashable:
        for name, value in parameters.items():
            try:
                digest(value)
            except Unhashable as error:
                raise CacheKeyError(
                    f"task {task!r}: no cache key can be made of the argument {name!r}: {error}. Give it as data (a "
                    f"list instead of a generator, a name instead of a connection), or write a cache_key_fn that "
                    f"leaves it out: cache_key_fn=lambda context, parameters: ..."
                ) from error
        raise


def code_digest(function: Callable[..., Any]) -> str:
    """The digest of what the function does: its bytecode and constants, without file names, lines and comments."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return "" if code is None else _digest_of(code)


@lru_cache(maxsize=1024)
def _digest_of(code: CodeType) -> str:
    return digest(_parts(code))


def _parts(code: Any) -> list[Any]:
    constants = [_parts(one) if hasattr(one, "co_code") else repr(_sorted(one)) for one in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), list(code.co_varnames), constants]


def _sorted(constant: Any) -> Any:
    # `x in {"a", "b"}` makes a frozenset, whose repr follows PYTHONHASHSEED.
    return sorted(constant, key=repr) if isinstance(constant, frozenset) else constant
