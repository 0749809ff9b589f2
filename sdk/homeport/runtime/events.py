"""Each kind of event as its JSON text, without the sequence number, which is put in when its turn comes.

Written by hand around the C string encoder: a run of a hundred thousand tasks makes half a million of these beside
user code, and a generic encoder costs three times as much.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _quote
from typing import Any
from uuid import UUID

MAX_MESSAGE = 8 * 1024
MAX_LINE = 64 * 1024
MAX_NAME = 1024
MAX_UPSTREAM = 100
MAX_TAGS, MAX_TAG = 50, 200
LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})


def text(value: str) -> str:
    """The string as JSON. NUL cannot be stored and a lone surrogate is no text: both become U+FFFD."""
    quoted = _quote(value)
    if "\\u0000" in quoted or "\\ud" in quoted:
        paired = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        quoted = _quote(paired.replace("\x00", "\ufffd"))
    return quoted


def cut(value: str, limit: int) -> str:
    """At most `limit` bytes of the string, with a note of what is missing when it is longer."""
    if len(value) * 4 <= limit:
        return value
    data = value.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return value
    note = f"... [cut here: {len(data)} bytes]"
    return data[: limit - len(note)].decode("utf-8", "ignore") + note


def moment(at: datetime) -> str:
    """The time as the wire writes it: ISO 8601, UTC, microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def task_run(
    at: datetime,
    id: UUID,
    name: str,
    task_key: str,
    map_index: int | None,
    upstream: Sequence[UUID],
    parent: UUID | None,
    tags: Collection[str] = (),
) -> str:
    """A task run exists."""
    before = ",".join(f'"{other}"' for other in upstream[:MAX_UPSTREAM])
    return (
        f'"kind":"task_run","at":"{moment(at)}","id":"{id}","name":{text(cut(name, MAX_NAME))},'
        f'"task_key":{text(cut(task_key, MAX_NAME))},"map_index":{"null" if map_index is None else map_index},'
        f'"upstream":[{before}],"parent":{_id(parent)}{_tags(tags) if tags else ""}}}'
    )


def task_state(
    at: datetime,
    task_run: UUID,
    type: str,
    name: str,
    message: str,
    run_count: int,
    result: dict[str, Any] | None = None,
) -> str:
    """A task run entered a state; `result` is where its result was kept."""
    kept = "" if result is None else f',"result":{json.dumps(result, separators=(",", ":"))}'
    return (
        f'"kind":"task_state","at":"{moment(at)}","task_run":"{task_run}","type":"{type}",'
        f'"name":{text(cut(name, MAX_NAME))},"message":{text(cut(message, MAX_MESSAGE))},'
        f'"run_count":{run_count}{kept}}}'
    )


def run_state(at: datetime, type: str, name: str, message: str) -> str:
    """The flow run entered a state that is not final."""
    return (
        f'"kind":"run_state","at":"{moment(at)}","type":"{type}","name":{text(cut(name, MAX_NAME))},'
        f'"message":{text(cut(message, MAX_MESSAGE))}}}'
    )


def run_name(at: datetime, name: str) -> str:
    """The flow run is called this from now on."""
    return f'"kind":"run_name","at":"{moment(at)}","name":{text(cut(name, MAX_NAME))}}}'


def log(at: datetime, level: str, logger: str, message: str, task_run: UUID | None) -> str:
    """A log line; a level that is not one of the five is shown as INFO."""
    return (
        f'"kind":"log","at":"{moment(at)}","level":"{level if level in LEVELS else "INFO"}",'
        f'"logger":{text(cut(logger, MAX_NAME))},"message":{text(cut(message, MAX_LINE))},"task_run":{_id(task_run)}}}'
    )


def dropped(at: datetime, lines: int, reason: str) -> str:
    """Log lines were lost on this side."""
    return f'"kind":"dropped","at":"{moment(at)}","lines":{lines},"reason":{text(reason)}}}'


def numbered(event: str, seq: int) -> bytes:
    """The event with its number, as it is sent and spooled."""
    return f'{{"seq":{seq},{event}'.encode()


def _tags(tags: Collection[str]) -> str:
    # Only where there are some: a control plane of before does not know the field.
    told = ",".join(text(cut(tag, MAX_TAG)) for tag in sorted(filter(None, tags))[:MAX_TAGS])
    return f',"tags":[{told}]'


def _id(value: UUID | None) -> str:
    return "null" if value is None else f'"{value}"'
