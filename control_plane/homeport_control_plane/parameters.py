"""Parameters of a run, checked against the parameter schema of its flow version before the run exists."""

from __future__ import annotations

import shlex
from functools import cached_property
from typing import Any

from homeport_control_plane.errors import FieldProblem, InvalidInput
from homeport_control_plane.json_schemas import JsonSchema

MOST_NAMED = 20


class ParameterSchema:
    """A compiled parameter schema."""

    def __init__(self, schema: Any) -> None:
        """Compiles the schema. Raises InvalidInput that says what is wrong with it."""
        self._given = schema
        self._schema = JsonSchema("parameterSchema", schema, of="the parameters")

    def check(self, parameters: dict[str, Any]) -> None:
        """Raises InvalidInput with one problem for each parameter that the schema refuses."""
        self._refuse(self._schema.problems("parameters", parameters))

    def check_given(self, parameters: dict[str, Any]) -> None:
        """The same for some of the parameters, to which each run adds others: none is required."""
        if parameters:
            self._refuse(self._of_some.problems("parameters", parameters))

    @cached_property
    def _of_some(self) -> JsonSchema:
        given = {key: value for key, value in self._given.items() if key != "required"}
        return JsonSchema("parameterSchema", given, of="the parameters")

    def _refuse(self, problems: list[FieldProblem]) -> None:
        if problems:
            raise InvalidInput(
                f"the parameters do not fit the flow: {problems[0].path}: {problems[0].message}",
                fields=problems,
                hint=self._hint(),
            )

    def _hint(self) -> str:
        """What the flow takes, by name; and the command that shows the types and defaults."""
        properties = self._given.get("properties")
        names = [str(name)[:50] for name in properties][:MOST_NAMED] if isinstance(properties, dict) else []
        takes = f"it takes: {', '.join(names)}" if names else "it takes no parameters"
        title = self._given.get("title")
        of = f" {shlex.quote(title[:200])}" if isinstance(title, str) and title.isprintable() else ""
        return f"{takes}; `homeport describe flows{of}` shows more"
