"""The result of one task run: under which keys it is kept and found, by what the task's options say."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homeport.engine import caching, current
from homeport.engine.keeping import Keeper, inputs_of
from homeport.engine.states import State
from homeport.results import keys, records
from homeport.results.options import NOTHING, ResultOptions
from homeport.results.records import Record
from homeport.results.storages import ResultStorage

if TYPE_CHECKING:
    from homeport.engine.task_runs import TaskRun

CHECKPOINTING = "HOMEPORT__FLOWS__CHECKPOINTING"


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
            found = None
            if self.again:
                self.inputs = inputs_of(arguments)
                found = self._picked_up()
            found = found or self._cache_hit(storage)
            if found is None and not self.again:
                self.inputs = inputs_of(arguments)  # before the call, which may change what it is given
            return found
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


def _checked_key(key: object, of: str) -> str | None:
    if key is None or isinstance(key, str):
        return key
    from homeport.results.errors import CacheKeyError

    raise CacheKeyError(
        f"{of}: its cache_key_fn returned {key!r}; it must return a text, or None not to cache the call."
    )
