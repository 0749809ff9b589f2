"""What a run can read about itself: `homeport.context.get("logger")`, `homeport.context.parameters`, and so on.

The module itself is the mapping, as in 1.x: indexing, attributes and `get` work on it, and
`with homeport.context(secrets={"TOKEN": "..."}):` sets values for a while. `get_run_context` is that of 2.x.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeport.engine import current

if TYPE_CHECKING:
    import logging

    from homeport.run_contexts import FlowRunContext as FlowRunContext
    from homeport.run_contexts import TaskRunContext as TaskRunContext
    from homeport.run_contexts import get_run_context as get_run_context
    from homeport.tagging import tags as tags


def to_dict() -> dict[str, Any]:
    """Everything that is known here; outside a run, only dates and a logger."""
    names = {**_NAMES, **current.values.get()}
    return {name: value for name in names if (value := _look_up(name)) is not None}


def get(name: str, default: Any = None) -> Any:
    """The value of this name, or the default where there is none."""
    value = _look_up(name)
    return default if value is None else value


@contextmanager
def saying(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """These values before what is known, for what is called inside; runs that begin there have them in each thread."""
    merged = {**current.values.get(), **values}
    token = current.values.set(merged)
    try:
        yield merged
    finally:
        current.values.reset(token)


def _look_up(name: str) -> Any:
    given = current.values.get()
    if name in given:
        return given[name]
    read = _NAMES.get(name)
    return read() if read is not None else None


def _logger() -> Any:
    from homeport.run_logging import logger_here

    return logger_here("context")


def _of_run(name: str) -> Any:
    def read() -> Any:
        run = current.flow_run.get()
        return getattr(run.info, name) if run is not None else None

    return read


def _flow_run_tags() -> frozenset[str] | None:
    run = current.flow_run.get()
    return run.tags if run is not None else None


def _of_task_run(name: str) -> Any:
    def read() -> Any:
        task_run = current.task_run.get()
        return getattr(task_run, name) if task_run is not None else None

    return read


def _text(read: Any) -> Any:
    def as_text() -> str | None:
        value = read()
        return None if value is None else str(value)

    return as_text


def _of_rounds(name: str) -> Any:
    def read() -> Any:
        task_run = current.task_run.get()
        return getattr(task_run.rounds, name) if task_run is not None and task_run.rounds is not None else None

    return read


def _parameters() -> dict[str, Any] | None:
    run = current.flow_run.get()
    return run.parameters if run is not None else None


def _task_name() -> str | None:
    task_run = current.task_run.get()
    return task_run.task.name if task_run is not None else None


def _day(offset: int, form: str = "%Y-%m-%d") -> Any:
    def read() -> str:
        return (_scheduled() + timedelta(days=offset)).strftime(form)

    return read


def _scheduled() -> datetime:
    run = current.flow_run.get()
    return (run.info.scheduled_at if run is not None else None) or datetime.now(UTC)


_NAMES: dict[str, Any] = {
    "api_url": _of_run("api_url"),
    "attempt_number": _of_run("attempt_number"),
    "date": _scheduled,
    "deployment_name": _of_run("deployment_name"),
    "flow_name": _of_run("flow_name"),
    "flow_run_id": _text(_of_run("id")),
    "flow_run_name": _of_run("name"),
    "flow_run_tags": _flow_run_tags,
    "labels": _of_run("labels"),
    "logger": _logger,
    "map_index": _of_task_run("map_index"),
    "parameters": _parameters,
    "project_name": _of_run("project_name"),
    "resume": _of_rounds("resumed"),
    "scheduled_start_time": _scheduled,
    "task_loop_count": _of_rounds("count"),
    "task_loop_result": _of_rounds("result"),
    "task_name": _task_name,
    "task_run_count": _of_task_run("run_count"),
    "task_run_id": _text(_of_task_run("id")),
    "task_run_tags": _of_task_run("tags"),
    "task_run_name": _of_task_run("name"),
    "today": _day(0),
    "today_nodash": _day(0, "%Y%m%d"),
    "tomorrow": _day(1),
    "tomorrow_nodash": _day(1, "%Y%m%d"),
    "yesterday": _day(-1),
    "yesterday_nodash": _day(-1, "%Y%m%d"),
}


_OF_2X = {
    "FlowRunContext": "homeport.run_contexts",
    "TaskRunContext": "homeport.run_contexts",
    "get_run_context": "homeport.run_contexts",
    "tags": "homeport.tagging",
}


class Context(ModuleType):
    """The module, as a mapping with attributes."""

    api_url: str | None
    attempt_number: int | None
    date: datetime
    deployment_name: str | None
    flow_name: str | None
    flow_run_id: str | None
    flow_run_name: str | None
    flow_run_tags: frozenset[str] | None
    labels: tuple[str, ...] | None
    logger: logging.Logger | logging.LoggerAdapter[Any]
    map_index: int | None
    parameters: dict[str, Any] | None
    project_name: str | None
    resume: bool | None
    scheduled_start_time: datetime
    task_loop_count: int | None
    task_loop_result: Any
    task_name: str | None
    task_run_count: int | None
    task_run_id: str | None
    task_run_tags: frozenset[str] | None
    task_run_name: str | None
    today: str
    today_nodash: str
    tomorrow: str
    tomorrow_nodash: str
    yesterday: str
    yesterday_nodash: str

    if TYPE_CHECKING:
        get = staticmethod(get)
        to_dict = staticmethod(to_dict)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return import_module, (self.__name__,)  # as other modules: a task that names it may travel to a worker

    def __call__(
        self, values: Mapping[str, Any] | None = None, /, **more: Any
    ) -> AbstractContextManager[Mapping[str, Any]]:
        """As `saying` does: `with homeport.context(secrets={"TOKEN": "..."}):`."""
        return saying({**(values or {}), **more})

    def __getitem__(self, name: str) -> Any:
        if (value := _look_up(name)) is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _look_up(name) is not None

    def __getattr__(self, name: str) -> Any:
        if name in _OF_2X:
            import importlib

            return getattr(importlib.import_module(_OF_2X[name]), name)
        if name in _NAMES or name in current.values.get():
            return _look_up(name)
        raise AttributeError(f"homeport.context has no {name!r}; it has: {', '.join(_NAMES)}")


sys.modules[__name__].__class__ = Context
