"""Tasks: functions, or classes with a `run` method, that a flow calls."""

from homeport.engine.arguments import allow_failure, unmapped
from homeport.tasks.backoff import exponential_backoff
from homeport.tasks.function_task import FunctionTask, task
from homeport.tasks.task_class import Task

__all__ = ["FunctionTask", "Task", "allow_failure", "exponential_backoff", "task", "unmapped"]
