"""A task used in a run: called, or submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.engine.states import State
from homeport.engine.task_runs import TaskRun
from homeport.futures import Future

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.tasks import Task


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
