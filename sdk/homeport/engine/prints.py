"""What user code prints becomes log lines of the task that printed it, even when many print at once.

Standard output is replaced once; the replacement asks the context of the printing code whose line it is.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from uuid import UUID

    from homeport.engine.flow_runs import FlowRun

LONGEST_LINE = 32 * 1024
_capture: ContextVar[Capture | None] = ContextVar("homeport_capture", default=None)
_lock = threading.Lock()
_captures = 0
_shown_by: Callable[[str], None] | None = None


class Capture:
    """The prints of one task run, or of a flow's own code (without a task run). Without a run they stay prints."""

    __slots__ = ("_partial", "_token", "run", "task_run")

    def __init__(self, run: FlowRun | None, task_run: UUID | None) -> None:
        self.run, self.task_run = run, task_run
        self._partial = ""
        self._token: Token[Capture | None] | None = None

    def begin(self) -> None:
        """From here on, prints in this context are lines."""
        self._token = _capture.set(self)
        _install()

    def end(self) -> None:
        """Prints are prints again; an unfinished line is a line."""
        if self._token is not None:
            _capture.reset(self._token)
            self._token = None
            _uninstall()
        self.flush()

    def write(self, text: str) -> None:
        """Take printed text; each whole line is told."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._tell(line)
        if len(self._partial) > LONGEST_LINE:
            self.flush()

    def flush(self) -> None:
        """Tell the unfinished line."""
        if self._partial:
            line, self._partial = self._partial, ""
            self._tell(line)

    def _tell(self, line: str) -> None:
        if self.run is not None:
            self.run.log("INFO", line, self.task_run, logger="homeport.prints")


class _Output:
    """Standard output while something is captured."""

    def __init__(self, real: TextIO) -> None:
        self.real = real

    def write(self, text: str) -> int:
        capture = _capture.get()
        if capture is not None and capture.run is not None:
            capture.write(text)
        elif _shown_by is not None and self.real.isatty():
            _shown_by(text)
        else:
            return self.real.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def show_by(shown: Callable[[str], None] | None) -> None:
    """Have what nobody captures shown by this function, where standard output is a terminal that it draws on; by None
    it is printed as ever."""
    global _shown_by
    if shown is not None:
        _install()
    elif _shown_by is not None:
        _uninstall()
    _shown_by = shown


def _install() -> None:
    global _captures
    with _lock:
        _captures += 1
        if not isinstance(sys.stdout, _Output):
            sys.stdout = _Output(sys.stdout)


def _uninstall() -> None:
    global _captures
    with _lock:
        _captures -= 1
        if _captures == 0 and isinstance(sys.stdout, _Output):
            sys.stdout = sys.stdout.real
