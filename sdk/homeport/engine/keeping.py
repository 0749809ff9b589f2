"""The result of one task run or subflow: looked for before the call, kept after it.

What happens is decided in caching.py; here it is done. Nothing of this is loaded by a flow that keeps no results.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from homeport.code.errors import StorageError
from homeport.engine import caching, decisions
from homeport.engine.drivers import Io, Steps
from homeport.engine.retry_policy import RetryPolicy
from homeport.engine.states import State, StateType
from homeport.engine.stories import story
from homeport.results import documents, keys, limits, records
from homeport.results.errors import ResultError, ResultUnreadable
from homeport.results.options import ResultOptions
from homeport.results.reading import read_result
from homeport.results.records import Record
from homeport.results.storages import ResultStorage, opened
from homeport.results.stored import Stored
from homeport.serializers import PickleSerializer, Serializer

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun

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


_PICKLE = PickleSerializer()
