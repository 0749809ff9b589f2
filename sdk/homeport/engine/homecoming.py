"""What comes home from a worker: the value or the exception of a call, and what it told on the way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from homeport.engine.masking import mask_from_now_on, masked
from homeport.engine.pickling import loads, loads_pieces
from homeport.engine.worker_bench import BEGUN, ERROR, IN_PIECES, PICKLED, VALUE
from homeport.engine.worker_errors import RemoteTraceback, Unsendable

if TYPE_CHECKING:
    from homeport.engine.task_runs import TaskRun
    from homeport.engine.worker_bench import Event, Outcome


def opened(outcome: Outcome, task_run: TaskRun, pieces: list[Any] | None = None) -> tuple[Any, BaseException | None]:
    """The value that a call returned, and None; or None and what it raised. `pieces` came before, and are used up."""
    kind, sent = outcome
    if kind == VALUE:
        return sent, None
    try:
        if kind == IN_PIECES:
            assert pieces is not None, "they came before"
            pieces.append(sent)
            return loads_pieces(pieces), None
        if kind == PICKLED:
            return loads(sent), None
        error, told = loads(sent)
    except Exception as reason:
        what = "exception" if kind == ERROR else "result"
        return None, Unsendable(
            f"The {what} of task {task_run.task.name!r} came back from its worker, and cannot be read here "
            f"({type(reason).__name__}: {reason}). Is the same code importable here and there?"
        )
    if error.__cause__ is None:
        error.__cause__ = RemoteTraceback(told)
    return None, error


def retell(event: Event, task_run: TaskRun) -> None:
    """Tell the run's reporter what a call told the worker's."""
    method, told = event
    if method == BEGUN:
        return
    if method == "secrets":
        mask_from_now_on(told["found"])
        return
    if method == "printed":
        sys.stdout.write(told["text"])
        return
    if method == "log":
        told["message"] = masked(told["message"])
    if method == "artifact":
        _keep_artifact(task_run, told)
        return
    getattr(task_run.run.reporter, method)(**told)


def _keep_artifact(task_run: TaskRun, told: dict[str, Any]) -> None:
    """Keep an artifact of a run that no control plane knows, where its results are kept."""
    content = told.pop("content")
    if content is not None:
        from homeport import stored_artifacts

        try:
            told["data"] = stored_artifacts.keep(task_run.run, told["id"], content)
        except Exception as error:  # the task went on long ago
            task_run.run.log("ERROR", f"An artifact could not be kept: {error}", task_run.id)
            return
    tell = getattr(task_run.run.reporter, "artifact", None)
    if tell is not None:
        tell(**told)
