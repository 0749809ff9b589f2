"""Log lines of a flow run, in the order that the run wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from homeport_control_plane import names
from homeport_control_plane.database import Queries, Row, load_sql
from homeport_control_plane.errors import InvalidInput
from homeport_control_plane.pages import Page, decode_cursor, encode_cursor, page_of, page_size

SQL = load_sql("logs")
LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_NAMES: Final = {number: name for name, number in LEVELS.items()}
_Attempt = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Seq = Annotated[int, Meta(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; its cursor (attempt and sequence number) grows strictly within a run."""

    cursor: str
    at: datetime
    level: str
    logger: str
    message: str
    task_run_id: UUID | None
    attempt_number: int
    seq: int


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines a list shows; every given field must hold."""

    min_level: str | None = None
    task_run_id: UUID | None = None
    attempt_number: int | None = None
    contains: str | None = None
    since: datetime | None = None


async def page(
    db: Queries,
    tenant_id: UUID,
    flow_run_id: UUID,
    *,
    first: int = 200,
    after: str | None = None,
    where: LogFilter | None = None,
) -> Page[LogLine]:
    """The run's lines after the cursor, oldest first. Raises InvalidCursor."""
    size = page_size(first)
    wanted = where or LogFilter()
    if wanted.min_level is not None and wanted.min_level not in LEVELS:
        raise InvalidInput.field("minLevel", f"must be one of {', '.join(LEVELS)}; found {wanted.min_level!r}")
    if wanted.attempt_number is not None and not 0 <= wanted.attempt_number < 2**31:
        raise InvalidInput.field("attemptNumber", f"there is no attempt {wanted.attempt_number}")
    rows = await db.fetch(
        SQL["page"],
        tenant_id,
        flow_run_id,
        *(decode_cursor(after, _Attempt, _Seq) or (0, 0)),
        LEVELS[wanted.min_level] if wanted.min_level else None,
        wanted.task_run_id,
        wanted.attempt_number,
        None if wanted.contains is None else names.like(names.text("contains", wanted.contains, limit=1000)),
        wanted.since,
        size + 1,
    )
    return page_of([_line(row) for row in rows], size, lambda line: (line.attempt_number, line.seq))


def _line(row: Row) -> LogLine:
    return LogLine(
        cursor=encode_cursor((row["attempt_number"], row["seq"])),
        at=row["at"],
        level=_NAMES[row["level"]],
        logger=row["logger"],
        message=row["message"],
        task_run_id=row["task_run_id"],
        attempt_number=row["attempt_number"],
        seq=row["seq"],
    )
