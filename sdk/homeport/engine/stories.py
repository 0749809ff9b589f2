"""What an exception's traceback looks like: the user's own lines, without the engine's between them."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from homeport.engine.decisions import TimeLimitReached
from homeport.engine.worker_errors import RemoteTraceback

_OWN = str(Path(__file__).parents[1])


def story(error: BaseException) -> str:
    """The traceback as text; of causes, too. Of an exception that came from a worker, the one that it had there."""
    if isinstance(error.__cause__, RemoteTraceback):
        return error.__cause__.text
    told = traceback.TracebackException.from_exception(error)
    if type(error) is TimeLimitReached and all(_is_engine(frame.filename) for frame in told.stack):
        return "".join(told.format_exception_only()).rstrip()  # of code in another thread, which had to be left there
    _leave_out_engine(told, set())
    return "".join(told.format()).rstrip()


def without_engine(trace: TracebackType | None) -> TracebackType | None:
    """The same traceback without the engine's frames; as it is where there are no others."""
    kept: list[TracebackType] = []
    entry = trace
    while entry is not None:
        if not _is_engine(entry.tb_frame.f_code.co_filename):
            kept.append(entry)
        entry = entry.tb_next
    found: TracebackType | None = None
    for one in reversed(kept):
        found = TracebackType(found, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return found or trace


def _leave_out_engine(told: traceback.TracebackException, seen: set[int]) -> None:
    if id(told) in seen:
        return
    seen.add(id(told))
    kept = [frame for frame in told.stack if not _is_engine(frame.filename)]
    if kept:
        told.stack = traceback.StackSummary.from_list(kept)
    for other in (told.__cause__, told.__context__):
        if other is not None:
            _leave_out_engine(other, seen)


def _is_engine(filename: str) -> bool:
    return filename.startswith(_OWN)
