"""Names of runs that their flow or task gives: a template over the parameters, or a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

NameTemplate = str | Callable[..., str]


class NameTemplateError(ValueError):
    """A name could not be made; the message names the flow or task, and what there is to put into it."""


def check_name_template(template: Any, *, argument: str, of: str) -> None:
    """Raises TypeError for what is neither a text nor a function."""
    if template is not None and not isinstance(template, str) and not callable(template):
        raise TypeError(
            f"{of}: {argument} is a text such as 'extract-{{day}}' or a function that returns one; "
            f"it was given {template!r}."
        )


def name_from(
    template: NameTemplate, values: Mapping[str, Any], context: Callable[[], Mapping[str, Any]], *, of: str
) -> str:
    """The name: of a text with the values in place, or what the function returns.

    A function gets what it asks for: nothing, `parameters`, values by their names, or all of them (`**kwargs`).
    `context` gives further names, those of homeport.context; it is asked only if the values are not enough.
    """
    try:
        made = _called(template, values, context) if callable(template) else _formatted(template, values, context)
    except Exception as error:
        known = ", ".join(values) or "none"
        raise NameTemplateError(
            f"{of}: its run name {_shown(template)} cannot be made: {type(error).__name__}: {error}. "
            f"Its parameters: {known}."
        ) from error
    if not isinstance(made, str) or not made.strip():
        raise NameTemplateError(f"{of}: its run name {_shown(template)} gave {made!r}, which is not a name.")
    return made


def _formatted(template: str, values: Mapping[str, Any], context: Callable[[], Mapping[str, Any]]) -> str:
    try:
        return template.format(**values)
    except KeyError:
        return template.format(**{**context(), **values})


def _called(function: Callable[..., str], values: Mapping[str, Any], context: Callable[[], Mapping[str, Any]]) -> str:
    wanted = inspect.signature(function).parameters.values()
    if not wanted:
        return function()
    there = {**context(), "parameters": dict(values), **values}
    if any(one.kind is one.VAR_KEYWORD for one in wanted):
        return function(**there)
    return function(**{one.name: there[one.name] for one in wanted if one.name in there})


def _shown(template: NameTemplate) -> str:
    return repr(template) if isinstance(template, str) else f"by {getattr(template, '__name__', template)!r}"
