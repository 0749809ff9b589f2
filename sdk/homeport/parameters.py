"""Parameters of a `with Flow` flow: tasks whose result is given when the run is created."""

from __future__ import annotations

from typing import Any

from homeport.engine import current
from homeport.tasks import Task


class Parameter(Task[..., Any]):
    """`Parameter("name")` is required, `Parameter("name", default=1)` is not. Use it like the result of a task."""

    def __init__(
        self, name: str, default: Any = None, required: bool | None = None, *, description: str | None = None
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"A parameter needs a name; it was given {name!r}.")
        super().__init__(name, description=description)
        if self.description == self.__doc__:
            self.description = ""
        self.default = default
        self.required = default is None if required is None else required
        flow = current.building.get()
        if flow is not None:
            if any(other.name == name for other in flow.parameters()):
                raise ValueError(f"flow {flow.name!r} has a parameter {name!r} already; use that one.")
            flow.nodes.add(self)

    def run(self) -> Any:
        """The default; in a run, the run's value stands in its place."""
        return self.default

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The parameter itself: there is one of each name in a flow."""
        flow = kwargs.pop("flow", None) or current.building.get()
        if flow is None:
            raise ValueError(f"Parameter {self.name!r} was called outside a `with Flow(...)` block.")
        flow.nodes.bind(self, (), {}, kwargs.pop("upstream_tasks", None))
        return self

    def __repr__(self) -> str:
        return f"<Parameter {self.name!r}>"
