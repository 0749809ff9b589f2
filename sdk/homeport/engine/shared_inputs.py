"""What all calls of a map wait for besides their own elements: held once, and not once for each call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from homeport import triggers

if TYPE_CHECKING:
    from uuid import UUID

    from homeport.engine.states import State
    from homeport.futures import Future

FEW = 100
TOLD = 10


class SharedInputs:
    """Futures, each with whether its failure matters; they count as inputs of every call."""

    def __init__(self, futures: dict[Future[Any], bool]) -> None:
        self.futures = futures
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[Any], None]] | None = None
        self._left = len(futures)
        self._ended = False

    def done(self) -> bool:
        """Whether all have ended."""
        if not self._ended:
            self._ended = all(future.done() for future in self.futures)
        return self._ended

    def when_done(self, callback: Callable[[Any], None]) -> None:
        """Call back when the last has ended; at once if it has."""
        with self._lock:
            first, self._callbacks = self._callbacks is None, self._callbacks or []
            ended = not first and self._left == 0
            if not ended:
                self._callbacks.append(callback)
        if ended:
            callback(self)
        elif first:
            for future in self.futures:
                future.when_done(self._one_done)

    @cached_property
    def told(self) -> list[UUID]:
        """The first of their ids, for those who show what waits for what."""
        return [future.task_run_id for future in list(self.futures)[:TOLD]]

    @cached_property
    def all_completed(self) -> bool:
        """Whether all that matter did their work, so that the default trigger need not look at them."""
        return all(future.state.name == "Completed" for future, matters in self.futures.items() if matters)

    def states_for(self, trigger: triggers.Trigger) -> Mapping[Any, State]:
        """The states that a trigger has to see: of many, one of each kind, if the trigger does not count."""
        return self._of_each_kind if len(self.futures) > FEW and trigger in triggers.BUILT_IN else self._states

    @cached_property
    def _states(self) -> dict[Any, State]:
        return {future: future.state for future, matters in self.futures.items() if matters}

    @cached_property
    def _of_each_kind(self) -> dict[Any, State]:
        kinds: dict[tuple[Any, str], Any] = {}
        for future, state in self._states.items():
            kinds.setdefault((state.type, state.name), future)
        return {future: future.state for future in kinds.values()}

    def _one_done(self, future: Future[Any]) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
            callbacks, self._callbacks = self._callbacks or [], []
        for callback in callbacks:
            callback(self)
