"""Hooks: what a flow or task wants called when one of its runs enters a state. They can watch a run, not change it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from homeport.engine.drivers import Steps
from homeport.engine.states import State, StateType
from homeport.engine.stories import story

Hook = Callable[[Any, Any, State], Any]
"""`fn(task, task_run, state)`, or `fn(flow, flow_run, state)`; sync or async."""
HookFunction = TypeVar("HookFunction", bound=Callable[..., Any])

OF_TASKS = ("on_running", "on_completion", "on_failure")
OF_FLOWS = (*OF_TASKS, "on_cancellation", "on_crashed")
_KINDS = {
    StateType.RUNNING: "on_running",
    StateType.COMPLETED: "on_completion",
    StateType.FAILED: "on_failure",
    StateType.CANCELLED: "on_cancellation",
    StateType.CRASHED: "on_crashed",
}


class Hooks:
    """The hooks of one flow or task, by the argument that named them."""

    __slots__ = ("_older", "given")

    def __init__(self, given: dict[str, tuple[Hook, ...]], older: Callable[[Any, State], Any] | None) -> None:
        self.given = given
        self._older = older

    def after(self, state: State) -> tuple[Hook, ...]:
        """What is called when this state is entered."""
        kind = _KINDS.get(state.type)
        found = self.given.get(kind, ()) if kind is not None else ()
        return (*found, self._call_older) if kind == "on_failure" and self._older is not None else found

    def options(self) -> dict[str, Any]:
        """The arguments that make these hooks again."""
        return self.given if self._older is None else {**self.given, "on_failure": self._older}

    def with_one(self, kind: str, hook: Hook) -> Hooks:
        """These and one more."""
        return Hooks({**self.given, kind: (*self.given.get(kind, ()), hook)}, self._older)

    def _call_older(self, subject: Any, run: Any, state: State) -> Any:
        assert self._older is not None
        return self._older(subject, state)


class Hookable:
    """What flows and tasks have in common: hooks that are added to one by a decorator."""

    hooks: Hooks | None = None

    def on_running(self, hook: HookFunction) -> HookFunction:
        """`@my_task.on_running`, `@my_flow.on_running`: call this function when a run of it begins."""
        return self._hooked("on_running", hook)

    def on_completion(self, hook: HookFunction) -> HookFunction:
        """`@my_task.on_completion`, `@my_flow.on_completion`: call this function when a run of it completed."""
        return self._hooked("on_completion", hook)

    def on_failure(self, hook: HookFunction) -> HookFunction:
        """`@my_task.on_failure`, `@my_flow.on_failure`: call this function when a run failed, after its last retry."""
        return self._hooked("on_failure", hook)

    def _hooked(self, kind: str, hook: HookFunction) -> HookFunction:
        self.hooks = (self.hooks or Hooks({}, None)).with_one(kind, hook)
        return hook


def hooks_of(given: Mapping[str, Any], *, of: str) -> Hooks | None:
    """The hooks in these arguments, None where there are none; TypeError for what cannot be called.

    `on_failure` takes a list of `fn(task, task_run, state)`, as the others do, or the one `fn(task, state)` of 1.x.
    """
    lists: dict[str, tuple[Hook, ...]] = {}
    older = None
    for kind, hooks in given.items():
        if kind == "on_failure" and callable(hooks):
            older = hooks
        elif hooks:
            lists[kind] = tuple(_checked(hook, kind, of) for hook in _listed(hooks, kind, of))
    return Hooks(lists, older) if lists or older is not None else None


def call_hooks(hooks: tuple[Hook, ...], subject: Any, run: Any, state: State, log: Callable[[str, str], None]) -> Steps:
    """Call them one after the other; what one raises is logged, and changes nothing."""
    for hook in hooks:
        name = getattr(hook, "__name__", repr(hook))
        log("INFO", f"Running hook {name!r} in response to entering state {state.name!r}.")
        try:
            yield _HookCall(hook, (subject, run, state))
        except Exception as error:
            log("ERROR", f"The hook {name!r} raised an exception:\n{story(error)}")


class _HookCall:
    """Call a hook, which may be sync or async, whatever the run is."""

    __slots__ = ("args", "hook")

    def __init__(self, hook: Hook, args: tuple[Any, ...]) -> None:
        self.hook, self.args = hook, args

    def perform(self) -> None:
        """In this thread; an async hook gets an event loop of its own."""
        found = self.hook(*self.args)
        if inspect.isawaitable(found):
            import asyncio

            from homeport.engine.timeouts import in_thread

            if asyncio.events._get_running_loop() is None:
                asyncio.run(_awaited(found))
            else:
                in_thread(asyncio.run, _awaited(found))

    async def perform_async(self) -> None:
        """In this coroutine."""
        found = self.hook(*self.args)
        if inspect.isawaitable(found):
            await found


async def _awaited(found: Any) -> None:
    await found


def _listed(hooks: Any, kind: str, of: str) -> Iterable[Any]:
    if isinstance(hooks, list | tuple):
        return hooks
    raise TypeError(f"{of}: {kind} is a list of functions; it was given {hooks!r}. Write {kind}=[...].")


def _checked(hook: Any, kind: str, of: str) -> Hook:
    if not callable(hook):
        raise TypeError(f"{of}: {kind} is a list of functions; {hook!r} in it cannot be called.")
    checked: Hook = hook
    return checked
