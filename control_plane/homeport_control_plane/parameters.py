"""Parameters of a run, checked against the parameter schema of its flow version before the run exists.

Schemas come from whoever may register, so they are bounded too: no reference leaves the schema, and a pattern that
explodes is given up instead of eating the event loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jsonschema_rs

from homeport_control_plane.errors import FieldProblem, InvalidInput

_MOST_PROBLEMS = 20
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=20_000, size_limit=1_000_000)


class ParameterSchema:
    """A compiled parameter schema."""

    def __init__(self, schema: Any) -> None:
        """Compiles the schema. Raises InvalidInput that says what is wrong with it."""
        if not isinstance(schema, dict):
            raise InvalidInput.field("parameterSchema", "must be a JSON object: the JSON Schema of the parameters")
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                schema, retriever=_refuse, pattern_options=_PATTERNS, validate_formats=True
            )
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInput.field("parameterSchema", _first_line(error)) from error

    def check(self, parameters: dict[str, Any]) -> None:
        """Raises InvalidInput with one problem for each parameter that the schema refuses."""
        try:
            problems = [
                _problem(error) for error, _ in zip(self._errors(parameters), range(_MOST_PROBLEMS), strict=False)
            ]
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInput.field("parameters", _first_line(error)) from error
        if problems:
            raise InvalidInput(
                f"the parameters do not fit the flow: {problems[0].path}: {problems[0].message}",
                fields=problems,
                hint="`homeport describe flows` shows what the flow takes",
            )

    def _errors(self, parameters: dict[str, Any]) -> Iterable[jsonschema_rs.ValidationError]:
        return self._validator.iter_errors(parameters)


def _problem(error: jsonschema_rs.ValidationError) -> FieldProblem:
    path = "parameters" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
    return FieldProblem(path[:500], _first_line(error))


def _first_line(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error)
    return text.splitlines()[0][:500] if text else "is refused by the schema"


def _refuse(uri: str) -> Any:
    raise ValueError(f"a schema may not refer to another document ({uri})")
