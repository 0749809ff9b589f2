"""Tasks that run other flows, as in 1.x: `create_flow_run`, `wait_for_flow_run`, `get_task_run_result`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from homeport.backend import flow_runs
from homeport.backend.flow_runs import FlowRunView
from homeport.engine import current, signals
from homeport.tasks.function_task import task
from homeport.tasks.task_class import Task

__all__ = ["StartFlowRun", "create_flow_run", "get_task_run_result", "wait_for_flow_run"]


@task
def create_flow_run(
    flow_id: str | None = None,
    flow_name: str | None = None,
    project_name: str | None = None,
    parameters: dict[str, Any] | None = None,
    labels: list[str] | None = None,
    run_name: str | None = None,
    scheduled_start_time: datetime | None = None,
    idempotency_key: str | None = None,
) -> str:
    """Create a run of a registered flow, by its id, or its name and project (the run's own unless given); its id."""
    where = {"flowId": flow_id} if flow_id is not None else _named(flow_name, project_name)
    return flow_runs.start(
        where,
        parameters=parameters,
        labels=labels,
        run_name=run_name,
        scheduled_start_time=scheduled_start_time,
        idempotency_key=idempotency_key,
    )


@task
def wait_for_flow_run(
    flow_run_id: str,
    stream_states: bool = True,
    stream_logs: bool = False,
    raise_final_state: bool = False,
    max_duration: timedelta = timedelta(hours=12),
) -> FlowRunView:
    """Wait until the run has ended; the run, with its state.

    With `raise_final_state` a run that did not complete fails this task. Raises TimeoutError after `max_duration` (a
    timedelta).
    """
    view = flow_runs.wait(
        flow_run_id,
        timeout=max_duration.total_seconds(),
        stream_states=stream_states,
        stream_logs=stream_logs,
    )
    if not view.state.is_final():
        raise TimeoutError(f"Flow run {view.name!r} has not ended after {max_duration}; it is {view.state.name}.")
    return _raised(view) if raise_final_state else view


@task
def get_task_run_result(flow_run_id: str, task_slug: str, map_index: int = -1, poll_time: float | None = None) -> Any:
    """What a task of that run returned, once the run has ended: read from your storage through its reference."""
    flow_runs.wait(flow_run_id, poll_interval=poll_time)
    return flow_runs.task_result(flow_run_id, task_slug, map_index)


class StartFlowRun(Task[..., Any]):
    """A task that starts a flow and, with `wait=True`, waits for its end, whose failure is then this task's."""

    def __init__(
        self,
        flow_name: str | None = None,
        project_name: str | None = None,
        parameters: dict[str, Any] | None = None,
        wait: bool = False,
        run_name: str | None = None,
        scheduled_start_time: datetime | None = None,
        **options: Any,
    ) -> None:
        self.flow_name, self.project_name, self.parameters = flow_name, project_name, parameters
        self.wait, self.run_name, self.scheduled_start_time = wait, run_name, scheduled_start_time
        super().__init__(**{"name": f"Flow {flow_name}" if flow_name else None, **options})

    def run(
        self,
        flow_name: str | None = None,
        project_name: str | None = None,
        parameters: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
        run_name: str | None = None,
        scheduled_start_time: datetime | None = None,
    ) -> str:
        """Start it with these, or with what the task was made with; the run's id."""
        flow_run_id = flow_runs.start(
            _named(flow_name or self.flow_name, project_name or self.project_name),
            parameters=self.parameters if parameters is None else parameters,
            run_name=run_name or self.run_name,
            idempotency_key=idempotency_key,
            scheduled_start_time=scheduled_start_time or self.scheduled_start_time,
        )
        if self.wait:
            _raised(flow_runs.wait(flow_run_id, stream_states=True))
        return flow_run_id


def _named(flow_name: str | None, project_name: str | None) -> dict[str, str]:
    run = current.flow_run.get()
    project = project_name or (run.info.project_name if run is not None else "")
    if not flow_name or not project:
        missing = "flow_name" if not flow_name else "project_name"
        raise ValueError(f"Which flow? Give flow_id, or flow_name and project_name; {missing} is missing.")
    return {"flow": flow_name, "project": project}


def _raised(view: FlowRunView) -> FlowRunView:
    if not view.state.is_completed():
        raise signals.FAIL(f"Flow run {view.name!r} of {view.flow_name!r} ended {view.state}", result=view)
    return view
