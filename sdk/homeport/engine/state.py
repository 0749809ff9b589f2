"""States as 1.x code reads them: `result` is a value, not a method. What `flow.run()` of a graph flow returns."""

from __future__ import annotations

from typing import Any

from homeport.engine import states


class State(states.State):
    """A state whose `result` is the task's result, or its exception; a flow's is a dict of its tasks' states."""

    __slots__ = ("map_states",)
    map_states: list[State]

    @property
    def result(self) -> Any:
        """The result."""
        return self.data

    def is_mapped(self) -> bool:
        """True for a mapped task, whose `map_states` are the states of its calls."""
        return bool(self.map_states)


def of(state: states.State) -> State:
    """The same state, to be read as in 1.x."""
    return _made(state, state.data, [])


def mapped(state: states.State, children: list[State]) -> State:
    """The state of a mapped task, whose result is the list of its calls' results."""
    return _made(state, [child.data for child in children], children)


def _made(state: states.State, data: Any, children: list[State]) -> State:
    made = State(state.type, state.name, state.message, state.at, data, state.result_reference)
    object.__setattr__(made, "map_states", children)
    return made
