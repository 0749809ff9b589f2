"""Parameters of a run, checked against the parameter schema of its flow version before the run exists."""

from __future__ import annotations

from typing import Any

from homeport_control_plane.errors import InvalidInput
from homeport_control_plane.json_schemas import JsonSchema


class ParameterSchema:
    """A compiled parameter schema."""

    def __init__(self, schema: Any) -> None:
        """Compiles the schema. Raises InvalidInput that says what is wrong with it."""
        self._schema = JsonSchema("parameterSchema", schema, of="the parameters")

    def check(self, parameters: dict[str, Any]) -> None:
        """Raises InvalidInput with one problem for each parameter that the schema refuses."""
        problems = self._schema.problems("parameters", parameters)
        if problems:
            raise InvalidInput(
                f"the parameters do not fit the flow: {problems[0].path}: {problems[0].message}",
                fields=problems,
                hint="`homeport describe flows` shows what the flow takes",
            )
