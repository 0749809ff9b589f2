"""Flows: a function decorated with `@flow`, or a graph built in a `with Flow(...)` block."""

from homeport.flows.function_flow import FunctionFlow, flow
from homeport.flows.graph_flow import Flow

__all__ = ["Flow", "FunctionFlow", "flow"]
