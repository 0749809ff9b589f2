"""Homeport: flows and tasks in plain Python.

Names are imported when they are first used: `import homeport` itself costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from homeport import context as context
    from homeport.engine.arguments import allow_failure as allow_failure
    from homeport.engine.arguments import unmapped as unmapped
    from homeport.flows import Flow as Flow
    from homeport.flows import flow as flow
    from homeport.parameters import Parameter as Parameter
    from homeport.run_logging import get_run_logger as get_run_logger
    from homeport.states import State as State
    from homeport.tagging import tags as tags
    from homeport.tasks import Task as Task
    from homeport.tasks import task as task

_HOMES = {
    "Flow": "homeport.flows",
    "Parameter": "homeport.parameters",
    "State": "homeport.states",
    "Task": "homeport.tasks",
    "allow_failure": "homeport.engine.arguments",
    "flow": "homeport.flows",
    "get_run_logger": "homeport.run_logging",
    "tags": "homeport.tagging",
    "task": "homeport.tasks",
    "unmapped": "homeport.engine.arguments",
}
_MODULES = frozenset(
    {"context", "executors", "futures", "run_configs", "schedules", "states", "storage", "task_runners", "triggers"}
)

__all__ = [
    "Flow",
    "Parameter",
    "State",
    "Task",
    "allow_failure",
    "context",
    "flow",
    "get_run_logger",
    "tags",
    "task",
    "unmapped",
]


def __getattr__(name: str) -> Any:
    import importlib

    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"homeport.{name}")
    raise AttributeError(f"module 'homeport' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
