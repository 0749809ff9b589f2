"""Tasks in the arguments of a node, also in lists, dicts and annotations: found, and put in place of each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from homeport.engine.arguments import BadInput, allow_failure, flatten, mapped, unmapped

if TYPE_CHECKING:
    from homeport.tasks import Task

    AnyTask = Task[..., Any]

ANNOTATIONS = (unmapped, allow_failure, flatten, mapped)


def tasks_in(value: Any, found: dict[AnyTask, None] | None = None) -> dict[AnyTask, None]:
    """The tasks in a value, in order, each once."""
    from homeport.tasks import Task

    found = {} if found is None else found
    if isinstance(value, Task):
        found[value] = None
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            tasks_in(item, found)
    elif isinstance(value, dict):
        for item in (*value, *value.values()):
            tasks_in(item, found)
    elif isinstance(value, ANNOTATIONS):
        tasks_in(value.value, found)
    return found


def substituted(value: Any, stands_for: Callable[[AnyTask], Any]) -> Any:
    """The value with what each task stands for in its place."""
    from homeport.tasks import Task

    if isinstance(value, Task):
        return stands_for(value)
    if type(value) in (list, tuple):
        return type(value)(substituted(item, stands_for) for item in value)
    if type(value) in (set, frozenset):
        return type(value)(_hashed(substituted(item, stands_for)) for item in value)
    if type(value) is dict:
        return {_hashed(substituted(key, stands_for)): substituted(item, stands_for) for key, item in value.items()}
    if isinstance(value, ANNOTATIONS):
        return type(value)(substituted(value.value, stands_for))
    return value


def _hashed(value: Any) -> Any:
    try:
        hash(value)
    except TypeError as error:
        raise BadInput(
            f"an argument is a set, or a dict, of what has no hash: the value of a parameter, or all results of a map "
            f"({error}). Give a list instead, and make the set or the dict in the task."
        ) from None
    return value
