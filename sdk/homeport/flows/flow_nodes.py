"""A flow that is called in a `with Flow` block: a node of that flow, whose task runs it as a subflow."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from homeport.tasks import FunctionTask

if TYPE_CHECKING:
    from homeport.flows import Flow


def task_of_flow(flow: Flow) -> FunctionTask[..., Any]:
    """A task that calls the flow; its result is that of the flow, and it fails if the flow does."""

    def runs(*args: Any, **kwargs: Any) -> Any:
        return flow(*args, **kwargs)

    # Of a function, its parameters are those of the task. A subflow of a graph is not awaited, of whichever kind it is.
    function = runs if flow.fn is None else functools.wraps(flow.fn)(runs)
    return FunctionTask(function, flow.name, description=flow.description)
