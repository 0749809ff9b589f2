"""Parameters of a `with Flow` flow: tasks whose result is given when the run is created."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from homeport.engine import current
from homeport.engine.arguments import StandIn
from homeport.engine.parameters import ParameterError
from homeport.tasks import Task


class Parameter(Task[..., Any], StandIn):
    """`Parameter("name")` is required, `Parameter("name", default=1)` is not. Use it like the result of a task.

    Raises ValueError for a name that is none, and for the second one of a name in a flow.
    """

    def __init__(
        self,
        name: str,
        default: Any = None,
        required: bool | None = None,
        tags: Iterable[str] | None = None,
        *,
        description: str | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"A parameter needs a name; it was given {name!r}.")
        super().__init__(name, description=description, tags=tags)
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

    json_type: ClassVar[dict[str, Any]] = {}
    """What its JSON Schema says of its values; any, if nothing."""

    def checked(self, value: Any) -> Any:
        """The value as the flow gets it; raises ValueError, saying what was expected, for one that does not fit."""
        return value

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


class DateTimeParameter(Parameter):
    """A parameter that is a point in time: given as text (ISO 8601) or as a datetime, it is a datetime with a zone.

    Text without a zone is taken as UTC. `required` as in 1.x: without a value it is None if it need not be given.
    """

    json_type: ClassVar[dict[str, Any]] = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}

    def __init__(
        self,
        name: str,
        default: Any = None,
        required: bool = True,
        tags: Iterable[str] | None = None,
        *,
        description: str | None = None,
    ) -> None:
        super().__init__(name, default, required and default is None, tags, description=description)
        if default is not None:
            self.default = self.checked(default)

    def checked(self, value: Any) -> datetime | None:
        """The point in time; raises ValueError for what is none."""
        if value is None and not self.required:
            return None
        try:
            time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise ValueError(f"a date and time was expected, as 2024-02-29T12:00:00Z; it was given {value!r}") from None
        return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def checked_values(flow: str, parameters: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each parameter: the given one, else its default; raises ParameterError."""
    checked, problems = {}, []
    for name, parameter in parameters.items():
        try:
            checked[name] = parameter.checked(given[name]) if name in given else parameter.default
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise ParameterError(flow, problems)
    return checked
