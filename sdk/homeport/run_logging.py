"""Loggers whose lines belong to a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from homeport.engine import current
from homeport.engine.log_lines import RunLogger


class MissingContextError(RuntimeError):
    """Something was asked for that only exists in a run."""


def get_run_logger() -> logging.LoggerAdapter[logging.Logger]:
    """The logger of the task run, else of the flow run, that this code belongs to.

    Raises MissingContextError outside a run, unless in a block of `disable_run_logger`.
    """
    if _is_disabled.get():
        return logging.LoggerAdapter(_SILENT, {})
    run = current.flow_run.get()
    if run is None:
        raise MissingContextError(
            "There is no flow run here, so there is no run logger. Call get_run_logger() in a flow or task while it "
            "runs; elsewhere use logging.getLogger(__name__)."
        )
    return RunLogger(run, current.task_run.get())


@contextmanager
def disable_run_logger() -> Iterator[None]:
    """In this block `get_run_logger()` works outside a run, too, and its lines go nowhere: to test a task's code."""
    token = _is_disabled.set(True)
    try:
        yield
    finally:
        _is_disabled.reset(token)


_is_disabled: ContextVar[bool] = ContextVar("homeport_run_logger_disabled", default=False)
_SILENT = logging.Logger("homeport.silent", logging.CRITICAL + 1)


def logger_here(name: str) -> logging.Logger | logging.LoggerAdapter[Any]:
    """The run's logger, or outside a run an ordinary one."""
    run = current.flow_run.get()
    return logging.getLogger(f"homeport.{name}") if run is None else RunLogger(run, current.task_run.get())
