"""JSON Schemas that clients bring, compiled, and what they refuse.

They come from whoever may register, so they are bounded: no reference leaves the schema, and a pattern that explodes is
given up instead of eating the event loop.
"""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from homeport_control_plane.errors import FieldProblem, InvalidInput

MOST_PROBLEMS = 20
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=20_000, size_limit=1_000_000)


class JsonSchema:
    """A compiled schema."""

    def __init__(self, path: str, schema: Any, *, of: str, mask: str | None = None) -> None:
        """Compiles the schema that the input has at `path`. Raises InvalidInput that says what is wrong with it.

        `mask` stands in messages where a refused value would.
        """
        if not isinstance(schema, dict):
            raise InvalidInput.field(path, f"must be a JSON object: the JSON Schema of {of}")
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                schema, retriever=_refuse, pattern_options=_PATTERNS, validate_formats=True, mask=mask
            )
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInput.field(path, _first_line(error)) from error

    def problems(self, path: str, value: Any) -> list[FieldProblem]:
        """What the schema refuses of a value that the input has at `path`; the first twenty. Raises InvalidInput."""
        try:
            errors = self._validator.iter_errors(value)
            return [_problem(path, error) for error, _ in zip(errors, range(MOST_PROBLEMS), strict=False)]
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInput.field(path, _first_line(error)) from error


def _problem(path: str, error: jsonschema_rs.ValidationError) -> FieldProblem:
    where = path + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
    return FieldProblem(where[:500], _first_line(error))


def _first_line(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error)
    return text.splitlines()[0][:500] if text else "is refused by the schema"


def _refuse(uri: str) -> Any:
    raise ValueError(f"a schema may not refer to another document ({uri})")
