"""Homeport: flows and tasks in plain Python.

Names are imported when they are first used: `import homeport` itself costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from homeport import artifacts as artifacts
    from homeport import backend as backend
    from homeport import blocks as blocks
    from homeport import caching as caching
    from homeport import client as client
    from homeport import config as config
    from homeport import core as core
    from homeport import deployments as deployments
    from homeport import engine as engine
    from homeport import exceptions as exceptions
    from homeport import executors as executors
    from homeport import filesystems as filesystems
    from homeport import flow_runs as flow_runs
    from homeport import flows as flows
    from homeport import futures as futures
    from homeport import infrastructure as infrastructure
    from homeport import input as input
    from homeport import kv as kv
    from homeport import logging as logging
    from homeport import results as results
    from homeport import run_configs as run_configs
    from homeport import runtime as runtime
    from homeport import schedules as schedules
    from homeport import serializers as serializers
    from homeport import states as states
    from homeport import storage as storage
    from homeport import task_runners as task_runners
    from homeport import tasks as tasks
    from homeport import testing as testing
    from homeport import triggers as triggers
    from homeport import utilities as utilities
    from homeport import variables as variables
    from homeport.backend.client import Client as Client
    from homeport.context import Context
    from homeport.engine.arguments import allow_failure as allow_failure
    from homeport.engine.arguments import flatten as flatten
    from homeport.engine.arguments import mapped as mapped
    from homeport.engine.arguments import unmapped as unmapped
    from homeport.flow_runs import pause_flow_run as pause_flow_run
    from homeport.flow_runs import resume_flow_run as resume_flow_run
    from homeport.flow_runs import suspend_flow_run as suspend_flow_run
    from homeport.flows import Flow as Flow
    from homeport.flows import flow as flow
    from homeport.flows.apply_map import apply_map as apply_map
    from homeport.parameters import DateTimeParameter as DateTimeParameter
    from homeport.parameters import Parameter as Parameter
    from homeport.run_logging import get_run_logger as get_run_logger
    from homeport.states import State as State
    from homeport.tagging import tags as tags
    from homeport.tasks import Task as Task
    from homeport.tasks import task as task
    from homeport.tasks.control_flow import case as case
    from homeport.tasks.control_flow import ifelse as ifelse
    from homeport.tasks.control_flow import merge as merge
    from homeport.tasks.control_flow import switch as switch
    from homeport.tasks.resource_manager import resource_manager as resource_manager
    from homeport.utilities.tasks import pause_task as pause_task

    context: Context

_HOMES = {
    "Client": "homeport.backend.client",
    "pause_flow_run": "homeport.flow_runs",
    "pause_task": "homeport.utilities.tasks",
    "resume_flow_run": "homeport.flow_runs",
    "suspend_flow_run": "homeport.flow_runs",
    "DateTimeParameter": "homeport.parameters",
    "switch": "homeport.tasks.control_flow",
    "resource_manager": "homeport.tasks.resource_manager",
    "merge": "homeport.tasks.control_flow",
    "mapped": "homeport.engine.arguments",
    "ifelse": "homeport.tasks.control_flow",
    "flatten": "homeport.engine.arguments",
    "case": "homeport.tasks.control_flow",
    "apply_map": "homeport.flows.apply_map",
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
    {
        "artifacts",
        "backend",
        "blocks",
        "caching",
        "client",
        "config",
        "context",
        "core",
        "deployments",
        "engine",
        "exceptions",
        "executors",
        "filesystems",
        "flow_runs",
        "flows",
        "futures",
        "infrastructure",
        "input",
        "kv",
        "logging",
        "results",
        "run_configs",
        "runtime",
        "schedules",
        "serializers",
        "states",
        "storage",
        "task_runners",
        "tasks",
        "testing",
        "triggers",
        "utilities",
        "variables",
    }
)

__all__ = [
    "Client",
    "DateTimeParameter",
    "Flow",
    "Parameter",
    "State",
    "Task",
    "allow_failure",
    "apply_map",
    "case",
    "context",
    "flatten",
    "flow",
    "get_run_logger",
    "ifelse",
    "mapped",
    "merge",
    "pause_flow_run",
    "pause_task",
    "resource_manager",
    "resume_flow_run",
    "suspend_flow_run",
    "switch",
    "tags",
    "task",
    "unmapped",
]


if not TYPE_CHECKING:  # a checker would take any name for one that is there

    def __getattr__(name: str) -> Any:
        import importlib

        if name in _HOMES:
            value = getattr(importlib.import_module(_HOMES[name]), name)
            globals()[name] = value
            return value
        if name in _MODULES:
            return importlib.import_module(f"homeport.{name}")
        raise AttributeError(
            f"module 'homeport' has no attribute {name!r}. If it is one of Prefect's, docs/reference/from-prefect.md "
            f"says what to write instead"
        )


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
