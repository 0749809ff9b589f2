"""A call that does not fit the function: found before the call of a graph, and after the failed one of a run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.tasks import Task


class Misfit(TypeError):  # noqa: N818 - named for what it is
    """A task's function cannot be called with the arguments that it was given."""


def misfit(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Misfit | None:
    """What is wrong with these arguments, naming task and signature; None if the task's function takes them.

    A decorator's own signature counts, not that of what it wraps: it may add arguments, and is what is called.
    """
    try:
        signature = inspect.signature(task.run, follow_wrapped=False)
    except (TypeError, ValueError):  # a function of C that does not tell
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        mend = "Give it what is missing, or a default" if "missing" in str(error) else "Leave out what it does not take"
        return Misfit(
            f"Task {task.name!r} cannot be called like this: {error}. It takes ({_shown(signature)}), and was given "
            f"{_given(args, kwargs)}. {mend}."
        )
    return None


def _shown(signature: inspect.Signature) -> str:
    """The parameters, without annotations and without the values of defaults, which may be long."""
    shown = []
    for name, one in signature.parameters.items():
        stars = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        shown.append(f"{stars}{name}" if one.default is one.empty else f"{name}=...")
    return ", ".join(shown)


def _given(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    parts = [f"{len(args)} by position"] if args else []
    parts += [", ".join(kwargs) + " by name"] if kwargs else []
    return " and ".join(parts) or "nothing"
