"""How records of `logging` become log lines of a run: one handler, which asks the context whose record it is."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homeport.engine import current
from homeport.engine.masking import masked

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.engine.task_runs import TaskRun

FLOW_LOGGER = "homeport.flow_runs"
TASK_LOGGER = "homeport.task_runs"

_lock = threading.Lock()
_runs: list[FlowRun] = []
_inside = threading.local()
_heard: list[tuple[logging.Logger, int]] = []  # those of HOMEPORT_LOGGING_EXTRA_LOGGERS, and their own levels
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class RunLogger(logging.LoggerAdapter[logging.Logger]):
    """The logger of a run, or of a task of it; it keeps its run even in threads that user code starts."""

    def __init__(self, run: FlowRun, task_run: TaskRun | None) -> None:
        super().__init__(logging.getLogger(TASK_LOGGER if task_run else FLOW_LOGGER), {})
        self._run, self._task_run = run, task_run

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Mark the record with its run."""
        extra = dict(kwargs.get("extra") or {})
        extra["homeport_run"], extra["homeport_task_run"] = self._run, self._task_run
        kwargs["extra"] = extra
        return msg, kwargs


class _RunHandler(logging.Handler):
    """Hands records that were made in a run to the run's reporter."""

    def emit(self, record: logging.LogRecord) -> None:
        run, task_run = _whose(record)
        if run is None or getattr(_inside, "busy", False):
            return
        if run.is_local and not record.name.startswith("homeport") and len(logging.getLogger().handlers) > 1:
            return  # the program's own handlers show it
        _inside.busy = True  # a reporter that logs must not be asked to report that
        try:
            run.reporter.log(
                at=datetime.fromtimestamp(record.created, UTC),
                level=_level(record.levelno),
                logger=record.name,
                message=masked(self.format(record)),
                task_run=run.task_run_id if task_run is None else task_run.id,
            )
        except Exception:
            self.handleError(record)
        finally:
            _inside.busy = False


_handler = _RunHandler()


def begin(run: FlowRun) -> None:
    """Records are lines of this run from here on."""
    with _lock:
        if _runs:
            _runs.append(run)
            return
        level = _level_wanted()
        own = logging.getLogger("homeport")
        own.setLevel(level)
        own.propagate = False
        for logger in (own, logging.getLogger()):
            logger.addHandler(_handler)
        for name in os.environ.get("HOMEPORT_LOGGING_EXTRA_LOGGERS", "").split(","):
            if name.strip():
                _hear(logging.getLogger(name.strip()), level)
        _runs.append(run)


def end(run: FlowRun) -> None:
    """They no longer are."""
    with _lock:
        _runs.remove(run)
        if _runs:
            return
        own = logging.getLogger("homeport")
        own.propagate = True
        for logger in (own, logging.getLogger()):
            logger.removeHandler(_handler)
        while _heard:
            logger, before = _heard.pop()
            logger.setLevel(before)
            logger.removeHandler(_handler)


def _hear(logger: logging.Logger, level: str) -> None:
    """Take what this logger says at the level of runs, whatever it is set to, until the last run has ended."""
    _heard.append((logger, logger.level))
    logger.setLevel(level)
    if not _reaches_root(logger):
        logger.addHandler(_handler)


def _reaches_root(logger: logging.Logger) -> bool:
    above: logging.Logger | None = logger
    while above is not None:
        if not above.propagate:
            return False
        above = above.parent
    return True


def _level_wanted() -> str:
    level = os.environ.get("HOMEPORT_LOGGING_LEVEL", "").strip().upper() or "INFO"
    if level not in logging.getLevelNamesMapping():
        names = ", ".join(LEVELS)
        raise ValueError(f"HOMEPORT_LOGGING_LEVEL is {level!r}; it must be one of {names}.")
    return level


def _whose(record: logging.LogRecord) -> tuple[FlowRun | None, TaskRun | None]:
    run: FlowRun | None = getattr(record, "homeport_run", None)
    if run is not None:
        return run, getattr(record, "homeport_task_run", None)
    run = current.flow_run.get()
    if run is not None:
        return run, current.task_run.get()
    # A thread that user code started has no context; where only one run is active, it can only be that one's.
    return (_runs[0], None) if len(_runs) == 1 else (None, None)


def _level(number: int) -> str:
    for bound, name in ((50, "CRITICAL"), (40, "ERROR"), (30, "WARNING"), (20, "INFO")):
        if number >= bound:
            return name
    return "DEBUG"
