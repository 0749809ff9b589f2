"""The 1.x spellings of arguments, and the canonical name of each. The one place where they stand."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any


def seconds(value: Any) -> Any:
    """Seconds as a number: of a timedelta, of each in a list; numbers and functions stay what they are."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, list | tuple):
        return [seconds(item) for item in value]
    return value


def timeout(value: Any, *, of: str) -> float | None:
    """The time limit in seconds; raises ValueError, naming whose it is, for what is no number above 0."""
    value = seconds(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError(
            f"{of}: timeout_seconds is a number of seconds above 0, or a timedelta; it was given {value!r}."
        )
    return float(value)


ABSENT_OF_FLOWS = {
    "serve": "a flow is served by an agent. Register it (`homeport register -p FILE --project P`), then start one "
    "with `homeport agent start`.",
    "deploy": "to make a flow known, use `homeport register -p FILE --project P`, or flow.register(project_name=...).",
    "from_source": "code travels by `homeport register`, which stores it where you say; import the module to use it.",
    "save": "code travels by `homeport register`, as source; a graph's description is flow.serialize().",
    "load": "import the flow from its module; an agent loads it from storage.",
    "diagnostics": "`homeport doctor` says what is reachable, and `homeport version` what is installed.",
    "run_agent": "start one with `homeport agent local start`.",
    "to_deployment": "to make a flow known, use `homeport register -p FILE --project P`, or flow.register(...).",
}
"""What flows of other versions have, and what does that work here."""

ABSENT_OF_REGISTER = {
    "idempotency_key": "registering the same code changes nothing by itself. Leave it out.",
    "build": "what is stored already is not sent again. Leave it out.",
    "no_url": "no address is printed. Leave it out; quiet=True prints nothing at all.",
    "version_group_id": "versions belong together by project and name. Leave it out.",
}
"""What `flow.register` of 1.x took, and why it is not needed."""


def refuse_generator(function: Callable[..., Any], of: str) -> None:
    """Raises TypeError for a function with `yield`: what it returns has no value yet that could be a result."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{of} is a generator (its function has a `yield`), and a generator is no result that could be kept or "
            f"given to another task. Collect what it yields and return the list: return list(...)."
        )


def _same(value: Any) -> Any:
    return value


OF_TASKS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "max_retries": ("retries", _same),
    "retry_delay": ("retry_delay_seconds", seconds),
    "timeout": ("timeout_seconds", seconds),
    "log_stdout": ("log_prints", _same),
}


def canonical(given: dict[str, Any], accepted: Iterable[str], *, of: str) -> dict[str, Any]:
    """The arguments under their canonical names; raises TypeError for one that this version does not know."""
    accepted = set(accepted)
    named: dict[str, Any] = {}
    for name, value in given.items():
        new, convert = OF_TASKS.get(name, (name, _same))
        if new not in accepted:
            raise unknown_argument(name, accepted, of=of, older=OF_TASKS)
        if new in named:
            raise TypeError(f"{of} got {new!r} twice: {name!r} is another spelling of it. Give one of them.")
        named[new] = convert(value)
    return named


def unknown_argument(
    name: str, accepted: Iterable[str], *, of: str, older: Mapping[str, tuple[str, object]] = MappingProxyType({})
) -> TypeError:
    """The error for an argument that `of` does not take; it names the one that was meant, or else all there are."""
    accepted = set(accepted)
    known = accepted | {old for old, (new, _) in older.items() if new in accepted}
    near = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else f" It takes: {', '.join(sorted(accepted))}."
    return TypeError(f"{of} has no argument {name!r} in this version of Homeport.{hint}")
