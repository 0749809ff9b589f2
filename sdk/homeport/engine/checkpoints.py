"""1.x results of a task run: a plain file at a target or location, which is used instead of a call if it is there.

Records (of caches, of attempts) lie in the storage of the setting: a user's folder gets the user's files only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homeport.engine import current
from homeport.engine.states import State, StateType
from homeport.engine.task_keeping import TaskKeeper
from homeport.results import documents, keys, limits
from homeport.results.options import ResultOptions
from homeport.results.templates import of_target
from homeport.serializers import Serializer

if TYPE_CHECKING:
    from homeport.engine.task_runs import TaskRun


class Checkpoint(TaskKeeper):
    """Keeps a task's result as its `result=` and `target=` say. None is not written, as in 1.x."""

    def __init__(self, task_run: TaskRun, options: ResultOptions, *, writes: bool) -> None:
        super().__init__(task_run, options)
        self.writes = writes
        if options.result is None:
            from homeport.engine.results import LocalResult

            self.result: Any = LocalResult()
        else:
            self.result = options.result

    @property
    def serializer(self) -> Serializer:
        """That of the result object."""
        made: Serializer = self.result.serializer
        return made

    def _found(self, args: Any, kwargs: Any) -> State | None:  # type: ignore[override]
        self.result.storage()  # one that cannot keep results is refused before the work is done
        found = super()._found(args, kwargs)
        if found is not None or self.options.target is None:
            return found
        location = self._location()
        storage, key = self.result.place(location)
        if storage.blobs.size(key) is None:
            return None
        value, reference = documents.measured(storage, key, of=self.of, serializer=self.serializer)
        if not self.options.in_memory:
            value = self._unread(reference, storage, self.serializer)
        message = f"Result found at task target {location}"
        return State(StateType.COMPLETED, "Cached", message, data=value, result_reference=reference)

    def _written(self, outcome: State) -> State:
        value, now = outcome.result(), datetime.now(UTC)
        if value is None or not self.writes:
            return outcome
        (storage, key), serializer = self.result.place(self._location()), self.serializer
        limit = limits.of_process().max_bytes
        reference = documents.write(storage, key, value, serializer, of=self.of, limit=limit, now=now, plain=True)
        if self.options.target is None:  # with a target, the file itself says that there is a result
            self._note(self.storage, reference, now)
        return self._state(outcome, reference, storage, serializer, value)

    def _location(self) -> str:
        template = self.options.target if self.options.target is not None else self.result.location
        if template is None:
            return str(self.result.default_location)
        token = current.task_run.set(self.owner)
        try:
            values = of_target(self.owner, self.arguments)
            return keys.text(template, values, of=self.of, what="target" if self.options.target else "location")
        finally:
            current.task_run.reset(token)
