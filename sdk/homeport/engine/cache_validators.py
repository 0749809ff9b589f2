"""The 1.x cache validators: which kept result of a task stands for a call, besides that its time is not over.

The ready-made ones become part of the cache key: results of calls with other inputs lie under other keys, so there is
nothing left to validate. A validator of your own, a function of (state, inputs, parameters), is asked with the latest
result of the task: `state.cached_inputs`, `state.cached_parameters`, `state.cached_result_expiration`, `state.result`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from homeport.caching.hashing import digest
from homeport.caching.keys import TaskRunContext, code_digest, inputs_digest

Validator = Callable[[Any, dict[str, Any], dict[str, Any]], bool]
Parts = Callable[[TaskRunContext, dict[str, Any]], dict[str, Any]]

_PARTS: dict[Any, Parts] = {}


def never_use(state: Any, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Never use a kept result."""
    return False


def duration_only(state: Any, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Use it as long as its time is not over, whatever the inputs."""
    return True


def all_inputs(state: Any, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Use it for the same inputs of the task."""
    return bool(digest(state.cached_inputs) == digest(inputs))


def all_parameters(state: Any, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Use it for the same parameters of the flow."""
    return bool(digest(state.cached_parameters) == digest(parameters))


def partial_inputs_only(*args: Any, validate_on: Iterable[str] | str | None = None) -> Any:
    """Use it where the named inputs are the same: cache_validator=partial_inputs_only(validate_on=["x"])."""
    return _partial("inputs", args, validate_on, lambda context, inputs: inputs)


def partial_parameters_only(*args: Any, validate_on: Iterable[str] | str | None = None) -> Any:
    """Use it where the named flow parameters are the same: partial_parameters_only(validate_on=["day"])."""
    return _partial("parameters", args, validate_on, lambda context, inputs: context.flow_parameters)


def is_ready_made(validator: Validator) -> bool:
    """Whether the cache key says all that this validator would look at."""
    return getattr(validator, "key_parts", None) is not None or validator in _PARTS


def key_function(validator: Validator, cache_key: str | None) -> Callable[[TaskRunContext, dict[str, Any]], str]:
    """The key function that does what `cache_validator=` and `cache_key=` say."""

    def key_of(context: TaskRunContext, inputs: dict[str, Any]) -> str:
        parts: Parts | None = getattr(validator, "key_parts", None) or _PARTS.get(validator)
        task = context.task
        # Two flows may each have a task of this name; only who gives a cache_key wants to share.
        whose = [cache_key] if cache_key is not None else [context.flow_run.flow_name, task.key, code_digest(task.run)]
        compared = parts(context, inputs) if parts is not None else {}
        return digest(["cache_for", *whose, inputs_digest(task.name, compared)])

    return key_of


def _partial(what: str, args: tuple[Any, ...], validate_on: Iterable[str] | str | None, parts: Parts) -> Any:
    names = [validate_on] if isinstance(validate_on, str) else sorted(validate_on or ())

    def of(values: dict[str, Any]) -> dict[str, Any]:
        return {name: values.get(name) for name in names}

    def validator(state: Any, inputs: dict[str, Any], parameters: dict[str, Any]) -> bool:
        given = inputs if what == "inputs" else parameters
        return bool(digest(of(getattr(state, f"cached_{what}"))) == digest(of(given)))

    if args:  # called as a validator itself: cache_validator=partial_inputs_only, which compares nothing
        return validator(*args)
    validator.key_parts = lambda context, inputs: of(parts(context, inputs))  # type: ignore[attr-defined]
    return validator


_PARTS.update(
    {
        duration_only: lambda context, inputs: {},
        all_inputs: lambda context, inputs: inputs,
        all_parameters: lambda context, inputs: context.flow_parameters,
        partial_inputs_only: lambda context, inputs: {},
        partial_parameters_only: lambda context, inputs: {},
    }
)
