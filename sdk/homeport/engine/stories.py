"""What an exception's traceback looks like in the logs: the user's own lines, without the engine's between them."""

from __future__ import annotations

import traceback
from pathlib import Path

from homeport.engine.worker_errors import RemoteTraceback

_OWN = str(Path(__file__).parents[1])


def story(error: BaseException) -> str:
    """The traceback as text; of causes, too. Of an exception that came from a worker, the one that it had there."""
    if isinstance(error.__cause__, RemoteTraceback):
        return error.__cause__.text
    told = traceback.TracebackException.from_exception(error)
    _leave_out_engine(told, set())
    return "".join(told.format()).rstrip()


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
