"""One worker process as its parent sees it: started, written to, read from, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

from homeport.engine.frames import FrameReader, FrameWriter

END_SECONDS = 3.0
"""How long a worker that has nothing to do gets to end on its own, for its atexit functions."""


class WorkerProcess:
    """A fresh Python with this one's path. It is no copy of this process, and the user's program is not run again."""

    def __init__(self) -> None:
        there_read, here_write = os.pipe()
        here_read, there_write = os.pipe()
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; sys.argv[:] = {sys.argv!r}; "
            f"from homeport.engine.process_worker import main; main({there_read}, {there_write})"
        )
        try:
            self._process = subprocess.Popen(
                [sys.executable, *_flags(), "-c", program],
                stdin=subprocess.DEVNULL,
                pass_fds=(there_read, there_write),
                process_group=0,  # Ctrl-C in a terminal is for the run, which tells its workers
            )
        finally:
            os.close(there_read)
            os.close(there_write)
        self.reader, self.writer = FrameReader(here_read), FrameWriter(here_write)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, message: Any) -> bool:
        """Send a message; False if the process is gone."""
        try:
            self.writer.write(message)
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it at once, and what it started."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Let it end, or end it; its exit code."""
        self.writer.close()
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        self.reader.close()
        return code


def _flags() -> list[str]:
    return subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined,no-any-return]
