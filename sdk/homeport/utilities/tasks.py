"""What 1.x has for the writing of tasks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from homeport import context
from homeport.engine.signals import PAUSE
from homeport.flows.apply_map import apply_map
from homeport.tagging import tags
from homeport.tasks import task

Function = TypeVar("Function", bound=Callable[..., Any])


def pause_task(message: str | None = None) -> None:
    """In a task: wait here until somebody says that it may go on. The task is then called again, and passes.

    Raises the signal PAUSE, which ends this call of the task.
    """
    if not context.get("resume"):
        raise PAUSE(message or "The task asked for a pause.")


def defaults_from_attrs(*names: str) -> Callable[[Function], Function]:
    """For `run` of a task class: an argument that is not given (or None) is taken from the attribute of its name.

    Raises ValueError for a name that is no argument of it.
    """

    def decorate(run: Function) -> Function:
        unknown = [name for name in names if name not in inspect.signature(run).parameters]
        if unknown:
            raise ValueError(f"@defaults_from_attrs: {run.__qualname__} takes no argument {unknown[0]!r}.")

        @functools.wraps(run)
        def with_defaults(self: Any, *args: Any, **kwargs: Any) -> Any:
            bound = inspect.signature(run).bind_partial(self, *args, **kwargs)
            for name in names:
                if bound.arguments.get(name) is None:
                    bound.arguments[name] = getattr(self, name)
            return run(*bound.args, **bound.kwargs)

        optional = [
            one.replace(default=None) if name in names and one.default is one.empty else one
            for name, one in inspect.signature(run).parameters.items()
        ]
        with_defaults.__signature__ = inspect.signature(run).replace(parameters=optional)  # type: ignore[attr-defined]
        return with_defaults  # type: ignore[return-value]

    return decorate


__all__ = ["apply_map", "defaults_from_attrs", "pause_task", "tags", "task"]
