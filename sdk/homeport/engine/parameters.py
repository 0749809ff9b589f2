"""A flow's parameters: their JSON Schema, and the check of given values before user code sees them.

pydantic knows both; it is imported only for a flow that needs it: when values already have the plain types that the
signature says, there is nothing to convert.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PLAIN = (str, int, float, bool, bytes)
EMPTY = inspect.Parameter.empty


class ParameterError(ValueError):
    """Given parameters do not fit the flow; `problems` has one line for each."""

    def __init__(self, flow: str, problems: list[str]) -> None:
        super().__init__(f"The parameters do not fit flow {flow!r}: {'; '.join(problems)}.")
        self.problems = problems


class Signature:
    """What a flow's function takes."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn
        self.names = inspect.signature(fn).parameters
        self.rest = next((name for name, one in self.names.items() if one.kind is one.VAR_KEYWORD), None)
        self.positional = [name for name, one in self.names.items() if one.kind is one.POSITIONAL_ONLY]
        self.many = next((name for name, one in self.names.items() if one.kind is one.VAR_POSITIONAL), None)

    def bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call by name; raises TypeError as the call would."""
        given = inspect.signature(self._fn).bind(*args, **kwargs).arguments
        rest = given.pop(self.rest, {}) if self.rest else {}
        return {**given, **rest}

    def with_defaults(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values, and the default of each parameter that is not among them."""
        return {name: one.default for name, one in self.names.items() if one.default is not EMPTY} | dict(values)

    def call(self, values: dict[str, Any]) -> Any:
        """Call the function with values by name."""
        if not self.positional and not self.many:
            return self._fn(**values)
        left = dict(values)
        args = [left.pop(name) for name in self.positional if name in left]
        if self.many and self.many in left:
            # What comes before *args can only be given by position then.
            before = [name for name, one in self.names.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
            args += [left.pop(name, self.names[name].default) for name in before]
            args += left.pop(self.many)
        return self._fn(*args, **left)

    def checked(self, flow: str, values: Mapping[str, Any], *, validate: bool) -> dict[str, Any]:
        """The values, converted to the types of the signature; raises ParameterError."""
        problems = [
            f"{name}: there is no such parameter{self._nearest(name)}" for name in values if not self._takes(name)
        ]
        problems += [
            f"{name}: a value is required"
            for name, one in self.names.items()
            if one.default is EMPTY and name not in values and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
        ]
        if problems:
            raise ParameterError(flow, problems)
        hints = self._hints() if validate and values else {}
        if all(_fits(value, hints.get(name, Any)) for name, value in values.items()):
            return dict(values)
        return self._validated(flow, values, hints)

    def schema(self, title: str) -> dict[str, Any]:
        """The JSON Schema of the parameters, draft 2020-12."""
        from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

        properties, definitions = {}, {}
        for name, annotation in self._hints(every=True).items():
            try:
                found = _adapter(annotation).json_schema(mode="validation", ref_template="#/$defs/{model}")
            except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
                found = {}  # of a type that JSON cannot say: any value, checked when the run starts
            definitions.update(found.pop("$defs", {}))
            default = self.names[name].default
            if default is not EMPTY:
                found["default"] = jsonable(default)
            properties[name] = {"title": name, **found}
        schema = object_schema(
            title, properties, [name for name in properties if self.names[name].default is EMPTY and name != self.many]
        )
        schema["additionalProperties"] = self.rest is not None
        if definitions:
            schema["$defs"] = definitions
        return schema

    def _takes(self, name: str) -> bool:
        return self.rest is not None or name in self.names

    def _nearest(self, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, self.names, 1)
        return f" (is {near[0]!r} meant?)" if near else f" (there are: {', '.join(self.names) or 'none'})"

    def _hints(self, *, every: bool = False) -> dict[str, Any]:
        try:
            hints = typing.get_type_hints(self._fn, include_extras=True)
        except Exception:
            # A name in an annotation that exists for type checkers only: those parameters take anything.
            hints = {name: one for name, one in self._fn.__annotations__.items() if not isinstance(one, str)}
        if self.many in hints:
            hints[self.many] = list.__class_getitem__(hints[self.many])
        if not every:
            return hints
        return {name: hints.get(name, Any) for name in self.names if name != self.rest}

    def _validated(self, flow: str, values: Mapping[str, Any], hints: dict[str, Any]) -> dict[str, Any]:
        from pydantic import ValidationError

        checked, problems = dict(values), []
        for name, value in values.items():
            if name not in hints or name not in self.names or name == self.rest:
                continue
            try:
                checked[name] = _adapter(hints[name]).validate_python(value)
            except ValidationError as error:
                problems += [
                    f"{'.'.join([name, *map(str, one['loc'])])}: {one['msg']} (it was given {_short(one['input'])})"
                    for one in error.errors(include_url=False)
                ]
        if problems:
            raise ParameterError(flow, problems)
        return checked


def jsonable(value: Any) -> Any:
    """The value as JSON can say it; of what it cannot, the text that `repr` gives."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, fallback=repr)


def object_schema(title: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """A JSON Schema of an object with these properties and no others."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # a model brings its own configuration
        return TypeAdapter(annotation)


def _fits(value: Any, annotation: Any) -> bool:
    return annotation is Any or (annotation in PLAIN and type(value) is annotation)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
