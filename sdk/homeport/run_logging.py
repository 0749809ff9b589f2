"""Loggers whose lines belong to a run."""

from __future__ import annotations

import logging
from typing import Any

from homeport.engine import current
from homeport.engine.log_lines import RunLogger


class MissingContextError(RuntimeError):
    """Something was asked for that only exists in a run."""


def get_run_logger() -> logging.LoggerAdapter[logging.Logger]:
    """The logger of the task run, else of the flow run, that this code belongs to.

    Raises MissingContextError outside a run.
    """
    run = current.flow_run.get()
    if run is None:
        raise MissingContextError(
            "There is no flow run here, so there is no run logger. Call get_run_logger() in a flow or task while it "
            "runs; elsewhere use logging.getLogger(__name__)."
        )
    return RunLogger(run, current.task_run.get())


def logger_here(name: str) -> logging.Logger | logging.LoggerAdapter[Any]:
    """The run's logger, or outside a run an ordinary one."""
    run = current.flow_run.get()
    return logging.getLogger(f"homeport.{name}") if run is None else RunLogger(run, current.task_run.get())
