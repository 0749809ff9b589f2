"""Tasks: functions, or classes with a `run` method, that a flow calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.engine.arguments import allow_failure, unmapped
from homeport.submodules import on_demand
from homeport.tasks.backoff import exponential_backoff
from homeport.tasks.function_task import FunctionTask, task
from homeport.tasks.task_class import Task

if TYPE_CHECKING:
    from homeport.caching.keys import task_input_hash as task_input_hash

__all__ = ["FunctionTask", "Task", "allow_failure", "exponential_backoff", "task", "task_input_hash", "unmapped"]


if not TYPE_CHECKING:  # a checker would take any name for one that is there

    def __getattr__(name: str) -> Any:
        if name == "task_input_hash":  # brings hashing with it, which few flows need
            from homeport.caching.keys import task_input_hash

            return task_input_hash
        return _submodule(name)

    _submodule = on_demand(__name__, "control_flow", "homeport", "prefect", "resource_manager", "secrets")
