"""The batch of run events on the wire: strictly decoded structs, and the JSON Schema that is the contract of them.

Decoding is strict (no unknown field, no coercion), because a field that is silently dropped is lost for good: the
sender forgets what was acknowledged.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from homeport_control_plane.errors import InvalidInput
from homeport_control_plane.result_references import ResultReference, check_size

MAX_EVENTS = 10_000
MAX_BATCH_BYTES = 1024 * 1024

Seq = Annotated[int, Meta(ge=1, le=2**53, description="Counts the events of an attempt from 1 without a gap.")]
At = Annotated[datetime, Meta(tz=True, description="When it happened, by the sender's clock.")]
Name = Annotated[str, Meta(min_length=1, max_length=1000)]
Tag = Annotated[str, Meta(min_length=1, max_length=200)]
StateName = Annotated[str, Meta(min_length=1, max_length=200)]
StateMessage = Annotated[str, Meta(max_length=8192)]
StateTypeName = Literal[
    "SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"
]
LogLevelName = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class TaskRunEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="task_run", gc=False):
    """The task run exists now; its state is PENDING."""

    seq: Seq
    at: At
    id: UUID
    name: Name
    task_key: Name
    map_index: Count | None = None
    upstream: Annotated[list[UUID], Meta(max_length=100)] = []
    parent: UUID | None = None
    tags: Annotated[list[Tag], Meta(max_length=50, description="What its task, and the code around, said of it.")] = []


class TaskStateEvent(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="task_state", gc=False
):
    """A task run entered a state."""

    seq: Seq
    at: At
    task_run: UUID
    type: StateTypeName
    name: StateName
    message: StateMessage = ""
    run_count: Count = 0
    result: ResultReference | None = None


class RunStateEvent(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="run_state", gc=False
):
    """The flow run entered a state that is not final."""

    seq: Seq
    at: At
    type: StateTypeName
    name: StateName
    message: StateMessage = ""


class RunNameEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="run_name", gc=False):
    """The flow run is called this from now on: its flow made the name of its parameters."""

    seq: Seq
    at: At
    name: Name


class LogEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="log", gc=False):
    """One log line."""

    seq: Seq
    at: At
    level: LogLevelName
    logger: Annotated[str, Meta(max_length=500)]
    message: Annotated[str, Meta(max_length=65536)]
    task_run: UUID | None = None


class DroppedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="dropped", gc=False):
    """The sender had to drop log lines; it is shown among the lines as a warning."""

    seq: Seq
    at: At
    lines: Annotated[int, Meta(ge=1, le=2**53)]
    reason: StateMessage


Event = TaskRunEvent | TaskStateEvent | RunStateEvent | RunNameEvent | LogEvent | DroppedEvent


class EventBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events with strictly consecutive sequence numbers; none is a heartbeat."""

    events: Annotated[list[Event], Meta(max_length=MAX_EVENTS)]


_decoder = msgspec.json.Decoder(EventBatch)


def decode(raw: bytes) -> EventBatch:
    """The batch in these bytes of JSON. Raises InvalidInput that names the path of what is wrong."""
    if len(raw) > MAX_BATCH_BYTES:
        raise InvalidInput.field("batch", f"{len(raw):,} bytes are more than the limit of {MAX_BATCH_BYTES:,}")
    try:
        batch = _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput.field("batch", str(error)) from error
    return _consecutive(batch)


def convert(value: object) -> EventBatch:
    """The batch in a JSON value that is decoded already (a GraphQL variable). Raises InvalidInput."""
    try:
        batch = msgspec.convert(value, EventBatch, strict=True)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput.field("batch", str(error)) from error
    return _consecutive(batch)


def json_schema() -> bytes:
    """The JSON Schema of a batch, as it is committed in event_batch.schema.json."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "EventBatch",
        **msgspec.json.schema(EventBatch),
    }
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"


def _consecutive(batch: EventBatch) -> EventBatch:
    expected = batch.events[0].seq if batch.events else 0
    for index, event in enumerate(batch.events):
        if event.seq != expected + index:
            raise InvalidInput.field(
                f"batch.events[{index}].seq",
                f"must be {expected + index}, one more than its predecessor; found {event.seq}",
            )
        if event.__class__ is TaskStateEvent and event.result is not None:
            check_size(f"batch.events[{index}].result", event.result)
    return batch
