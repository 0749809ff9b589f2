"""What can go wrong with a call that is made in another process, and how it is told.

Exception
├── WorkerDied     the process that made the call is gone: killed, out of memory, os._exit
├── RemoteError    stands for an exception that could not travel
└── TypeError
    └── Unsendable a function, an argument or a result that cannot be pickled
        └── Oversized one that has more bytes than may be sent
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.tasks import Task


class WorkerDied(Exception):  # noqa: N818 - named for what happened
    """The worker that ran the task is gone. The task run ends CRASHED, or is tried again if it has retries."""


class Unsendable(TypeError):  # noqa: N818 - named for what it is
    """Something of a task cannot be sent to where the task runs, or back."""


class Oversized(Unsendable):
    """Something of a task has more bytes than HOMEPORT_SENT_MAX_BYTES lets through to a worker, or back."""


class RemoteError(Exception):
    """An exception of a task that could not be sent back; its type, its text and its traceback were."""

    def __init__(self, type_name: str, text: str) -> None:
        super().__init__(f"{type_name}: {text}" if text else type_name)
        self.type_name, self.text = type_name, text

    def __reduce__(self) -> tuple[type[RemoteError], tuple[str, str]]:
        return RemoteError, (self.type_name, self.text)


class RemoteTraceback(Exception):  # noqa: N818 - what it is, for whoever reads the chain of causes
    """The cause of an exception that came from a worker: its traceback there, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}\n"""'


def lost_worker(task: Task[..., Any], worker: str, why: str) -> WorkerDied:
    """The exception of a call whose worker is gone, with what to do where nothing is done about it yet."""
    mend = "" if task.retries else " If it may be called again, give the task retries=1: it gets another worker then."
    return WorkerDied(f"Task {task.name!r} lost its {worker}: {why}.{mend}")


def how_it_ended(exit_code: int | None) -> str:
    """What an exit code says, for people."""
    if exit_code is None:
        return "it was lost"
    if exit_code >= 0:
        return f"it exited with code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    told = f"it was killed by {name} (exit code {exit_code})"
    if exit_code == -9:
        told += "; on Linux that is often the system's answer to too little memory: try fewer workers or smaller pieces"
    return told
