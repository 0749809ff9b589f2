"""`get_run_context()` of 2.x: the run that the calling code belongs to, as an object with `flow_run` or `task_run`.

What most code wants is shorter in `homeport.runtime`, and in `homeport.context`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeport.engine import current

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.engine.task_runs import TaskRun
    from homeport.flows import Flow
    from homeport.task_runners import TaskRunner
    from homeport.tasks import Task


@dataclass(frozen=True, slots=True)
class FlowRunContext:
    """The flow run around the calling code, also where it stands in a task of that run."""

    flow: Flow
    flow_run: FlowRun
    parameters: dict[str, Any]

    @property
    def task_runner(self) -> TaskRunner:
        """Where its submitted tasks run."""
        return self.flow.task_runner

    @classmethod
    def get(cls) -> FlowRunContext | None:
        """That of the calling code; None outside a flow run."""
        run = current.flow_run.get()
        return None if run is None else cls(run.flow, run, run.parameters)


@dataclass(frozen=True, slots=True)
class TaskRunContext:
    """The task run around the calling code."""

    task: Task[..., Any]
    task_run: TaskRun

    @classmethod
    def get(cls) -> TaskRunContext | None:
        """That of the calling code; None outside a task run."""
        run = current.task_run.get()
        return None if run is None else cls(run.task, run)


def get_run_context() -> FlowRunContext | TaskRunContext:
    """That of the task run, else of the flow run around the calling code; raises MissingContextError outside both."""
    found = TaskRunContext.get() or FlowRunContext.get()
    if found is None:
        from homeport.run_logging import MissingContextError

        raise MissingContextError(
            "There is no run here. Call get_run_context() in a flow or task while it runs; "
            "FlowRunContext.get() is None elsewhere."
        )
    return found
