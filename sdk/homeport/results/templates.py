"""What templates can use: of 2.x `result_storage_key`, and of 1.x `target` and `location`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.engine.task_runs import TaskRun


class _Facts:
    """Attributes for a format string: {flow_run.name}."""

    def __init__(self, **facts: Any) -> None:
        self.__dict__.update(facts)


def of_storage_key(task_run: TaskRun, arguments: dict[str, Any]) -> dict[str, Any]:
    """`parameters` are the task's arguments, `flow_run` and `task_run` have name, id and the like."""
    run = task_run.run
    return {
        "parameters": arguments,
        "flow_run": _Facts(id=run.info.id, name=run.info.name, flow_name=run.flow.name, parameters=run.parameters),
        "task_run": _Facts(
            id=task_run.id,
            name=task_run.name,
            task_name=task_run.task.name,
            map_index=task_run.map_index,
            run_count=task_run.run_count,
        ),
    }


def of_target(task_run: TaskRun, arguments: dict[str, Any]) -> dict[str, Any]:
    """Everything in homeport.context by its name, the flow's parameters, and the task's inputs."""
    from homeport import context

    run = task_run.run
    known = context.to_dict()
    known.pop("logger", None)
    index = task_run.map_index
    return {
        **arguments,
        **run.parameters,
        **known,
        "parameters": run.parameters,
        "inputs": arguments,
        "flow_name": run.flow.name,
        "task_name": task_run.task.name,
        "task_slug": task_run.task.key,
        "task_full_name": task_run.task.name if index is None else f"{task_run.task.name}[{index}]",
        "map_index": -1 if index is None else index,
        "task_run_name": task_run.name,
    }
