"""Module path of 1.x: flows, tasks, parameters and edges."""

from typing import TYPE_CHECKING

from homeport.engine.edges import Edge
from homeport.flows import Flow
from homeport.parameters import Parameter
from homeport.tasks import Task

__all__ = ["Edge", "Flow", "Parameter", "Task"]

if not TYPE_CHECKING:
    from homeport.submodules import on_demand

    __getattr__ = on_demand(__name__, "edge", "flow", "parameter", "task")
