"""Module path of 1.x: flows, tasks, parameters and edges."""

from homeport.engine.edges import Edge
from homeport.flows import Flow
from homeport.parameters import Parameter
from homeport.tasks import Task

__all__ = ["Edge", "Flow", "Parameter", "Task"]
