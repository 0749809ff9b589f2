"""The result of one task run or subflow: looked for before the call, kept after it.

What happens is decided in caching.py; here it is done. Nothing of this is loaded by a flow that keeps no results.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from homeport.code.errors import StorageError
from homeport.engine import caching, current, decisions
from homeport.engine.drivers import Io, Steps
from homeport.engine.retry_policy import RetryPolicy
from homeport.engine.states import State, StateType
from homeport.engine.stories import story
from homeport.results import documents, keys, limits, records
from homeport.results.errors import ResultError, ResultUnreadable
from homeport.results.options import NOTHING, ResultOptions
from homeport.results.reading import read_result
from homeport.results.records import Record
from homeport.results.storages import ResultStorage, opened
from homeport.results.stored import Stored
from homeport.serializers import PickleSerializer, Serializer

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.engine.task_runs import TaskRun

CHECKPOINTING = "HOMEPORT__FLOWS__CHECKPOINTING"
_NO_RETRIES = RetryPolicy()


class Keeper:
    """Where a result goes, and how it is found again; of a flow run's own result, or the half that tasks share."""

    def __init__(self, run: FlowRun, options: ResultOptions, *, of: str, identity: str, task_run: UUID | None) -> None:
        self.run, self.options, self.of, self.task_run = run, options, of, task_run
        self.identity = f"{run.identity}/{identity}" if identity else run.identity
        self.again = run.again
        self.inputs: str | None = ""

    def look_up(self, *what: Any) -> Steps:
        """The final state, if a kept result stands for the call; else None."""
        try:
            found = yield Io(self._found, *what)
        except Exception as error:
            return self._failed(error)
        return found

    def keep(self, outcome: State, policy: RetryPolicy = _NO_RETRIES, run_count: int = 1) -> Steps:
        """The state with its result kept; Failed if it cannot be; a Retry where the storage was away."""
        if outcome.type is not StateType.COMPLETED or outcome.name == "Skipped" or outcome.result_reference is not None:
            return outcome
        try:
            kept = yield Io(self._kept, outcome)
        except StorageError as error:
            self._log("ERROR", f"The result could not be kept: {error}")
            return decisions.after_exception(error, policy, run_count)
        except Exception as error:
            return self._failed(error)
        return kept

    @property
    def storage(self) -> ResultStorage:
        """The storage of the options, else that of the setting."""
        return opened(self.options.storage, of=self.of)

    @property
    def serializer(self) -> Serializer:
        """The serializer of the options, else pickle."""
        return self.options.serializer or _PICKLE

    @property
    def run_key(self) -> str:
        """The key under which another attempt of the same run looks."""
        return keys.of_run(self.run.root.info.id, self.identity)

    def _found(self, values: dict[str, Any]) -> State | None:
        self.inputs = inputs_of(values)
        self.storage  # noqa: B018 - a storage that cannot keep results is refused before the work is done
        return self._picked_up() if self.again else None

    def _kept(self, outcome: State) -> State:
        return self._written(outcome)

    def _key(self) -> str:
        return self.run_key

    def _written(self, outcome: State) -> State:
        value, now, key = outcome.result(), datetime.now(UTC), self._key()
        about = {"of": self.of, "identity": self.identity, "inputs": self.inputs}
        limit, storage, serializer = limits.of_process().max_bytes, self.storage, self.serializer
        reference = documents.write(storage, key, value, serializer, of=self.of, limit=limit, now=now, about=about)
        if key != self.run_key:
            self._note(storage, reference, now)
        return self._state(outcome, reference, storage, serializer, value)

    def _note(self, storage: ResultStorage, reference: dict[str, Any], now: datetime) -> None:
        """Let another attempt of this run find a result that lies under a key of the user's."""
        record = Record(self.identity, reference, now.isoformat(), inputs=self.inputs)
        records.write(storage, self.run_key, record)

    def _state(
        self, outcome: State, reference: dict[str, Any], storage: ResultStorage, serializer: Serializer, value: Any
    ) -> State:
        if not self.options.in_memory:
            value = self._unread(reference, storage, serializer)
        return State(outcome.type, outcome.name, outcome.message, outcome.at, value, reference)

    def _unread(self, reference: dict[str, Any], storage: ResultStorage, serializer: Serializer) -> Stored:
        self.run.has_unread = True
        of, key, sha256 = self.of, reference["key"], reference["sha256"]
        return Stored(reference, lambda: documents.read(storage, key, of=of, serializer=serializer, sha256=sha256))

    def _picked_up(self) -> State | None:
        record = self._record_of_run()
        if caching.why_not_picked_up(record, inputs=self.inputs) or record is None:
            return None
        return self._cached(record, "Picked up from an earlier attempt of this run")

    def _record_of_run(self) -> Record | None:
        """Of this task run's earlier result: written there itself, or a record that points to it."""
        try:
            header, _ = documents.begin(self.storage, self.run_key, of=self.of)
        except ResultUnreadable:
            return None
        if header is None:
            return records.read(self.storage, self.run_key, key=self.identity)
        if header.get("identity") != self.identity:
            return None
        reference = {
            "kind": self.storage.kind, "key": self.run_key, "serializer": header["serializer"],
            "size": header["size"], "sha256": header["sha256"], "storage": self.storage.reference,
        }  # fmt: skip
        return Record(self.identity, reference, header["created"], inputs=header.get("inputs"))

    def _cached(self, record: Record, message: str) -> State | None:
        """The state Cached of a record; None, and a warning, if its result cannot be read."""
        reference = record.result
        own = self.serializer if reference.get("serializer") == documents.serializer_name(self.serializer) else None
        try:
            # Read before it is believed: what is damaged or gone must lead to a call, not to a failure further on.
            value = read_result(reference, serializer=own)
        except ResultUnreadable as error:
            self._log("WARNING", f"A kept result is not used, and the call is made: {error}")
            return None
        if not self.options.in_memory:
            self.run.has_unread = True
            value = Stored(reference, lambda: read_result(reference, serializer=own))
        return State(StateType.COMPLETED, "Cached", f"{message}.", data=value, result_reference=reference)

    def _failed(self, error: Exception) -> State:
        # Its message is the whole story; of an exception in a user's key function, the traceback is.
        text = str(error) if isinstance(error, ResultError | StorageError) else story(error)
        self._log("ERROR", text)
        return decisions.failure(error)

    def _log(self, level: str, text: str) -> None:
        self.run.log(level, text, self.task_run)


class TaskKeeper(Keeper):
    """The same for a task run, with cache keys and key templates."""

    def __init__(self, task_run: TaskRun, options: ResultOptions) -> None:
        super().__init__(
            task_run.run, options, of=f"task {task_run.task.name!r}", identity=task_run.identity, task_run=task_run.id
        )
        self.owner = task_run
        self.arguments: dict[str, Any] = {}
        self.cache_key: str | None = None

    def _found(self, args: Any, kwargs: Any) -> State | None:  # type: ignore[override]
        try:
            self.arguments = arguments = self.owner.task.bound_arguments(args, kwargs)
        except TypeError:
            return None  # the call itself says best what is wrong with its arguments
        storage = self.storage
        token = current.task_run.set(self.owner)
        try:
            self.inputs = inputs_of(arguments)
            return (self._picked_up() if self.again else None) or self._cache_hit(storage)
        finally:
            current.task_run.reset(token)

    def _cache_hit(self, storage: ResultStorage) -> State | None:
        cache = self.options.cache
        if cache is None:
            return None
        from homeport.caching.keys import TaskRunContext

        now, run = datetime.now(UTC), self.run
        context = TaskRunContext(self.owner.task, self.owner, run.info, dict(self.arguments), dict(run.parameters), now)
        self.cache_key = _checked_key(cache.key_of(context, dict(self.arguments)), self.of)
        if self.cache_key is None:
            return None
        record = None if cache.refresh else records.read(storage, keys.of_cache(self.cache_key), key=self.cache_key)
        is_valid = None if cache.validator is None else self._is_valid
        if caching.why_not_cached(record, refresh=cache.refresh, now=now, is_valid=is_valid) or record is None:
            return None
        return self._cached(record, f"Kept at {record.created}, and used again")

    def _is_valid(self, record: Record) -> bool:
        from homeport.caching.validation import seen_state

        cache = self.options.cache
        assert cache is not None, "only a cache has a validator"
        assert cache.validator is not None, "it is given only where there is one"
        return bool(cache.validator(seen_state(record), dict(self.arguments), dict(self.run.parameters)))

    def _kept(self, outcome: State) -> State:
        storage, now = self.storage, datetime.now(UTC)
        state = self._written(outcome)
        cache = self.options.cache
        if cache is not None and self.cache_key is not None and state.result_reference is not None:
            seen = None
            if cache.validator is not None:
                from homeport.caching.validation import remembered

                seen = remembered(self.of, self.arguments, self.run.parameters)
            record = Record(
                self.cache_key, state.result_reference, now.isoformat(timespec="seconds"),
                caching.expiry(cache, now), self.inputs, seen,
            )  # fmt: skip
            records.write(storage, keys.of_cache(self.cache_key), record)
        return state

    def _key(self) -> str:
        template = self.options.storage_key
        if template is None:
            return self.run_key
        from homeport.results.templates import of_storage_key

        values = of_storage_key(self.owner, self.arguments)
        return keys.formatted(template, values, of=self.of, what="result_storage_key")


def of_task_run(task_run: TaskRun) -> Keeper | None:
    """What keeps this task run's result; None when nothing is to be kept."""
    options = (task_run.task.results or NOTHING).under(task_run.run.keeps)
    checkpointing = os.environ.get(CHECKPOINTING, "true").lower() not in ("false", "0", "no", "off")
    if not caching.is_kept(options, checkpointing=checkpointing) and options.target is None:
        return None
    if options.result is not None or options.target is not None:
        from homeport.engine.checkpoints import Checkpoint

        return Checkpoint(task_run, options, writes=options.checkpoint is not False and checkpointing)
    return TaskKeeper(task_run, options)


def of_flow_run(run: FlowRun) -> Keeper | None:
    """What keeps the flow's own result; None when it is not kept."""
    options = run.flow.results
    if options is None or not options.persist or run.flow.fn is None:
        return None
    return Keeper(run, options.under(run.keeps), of=f"flow {run.flow.name!r}", identity="", task_run=run.task_run_id)


def inputs_of(values: dict[str, Any]) -> str | None:
    """The digest of a call's arguments; None where they have none, and the call cannot be recognised again."""
    from homeport.caching.hashing import Unhashable, digest

    try:
        return digest(values)
    except Unhashable:
        return None


def _checked_key(key: object, of: str) -> str | None:
    if key is None or isinstance(key, str):
        return key
    from homeport.results.errors import CacheKeyError

    raise CacheKeyError(
        f"{of}: its cache_key_fn returned {key!r}; it must return a text, or None not to cache the call."
    )


_PICKLE = PickleSerializer()
