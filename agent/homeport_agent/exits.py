"""Waiting for the end of processes: our own children, and those that an earlier agent process left running."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from homeport_agent import process_tree

POLL_SECONDS = 0.5
_LIKELY = {
    int(signal.SIGKILL): "; out of memory?",
    int(signal.SIGSEGV): "; a crash in native code",
    int(signal.SIGABRT): "; a crash in native code",
    int(signal.SIGBUS): "; a crash in native code",
}


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended; `code` is as Popen's (negative: a signal), None when it was not our child."""

    code: int | None

    @property
    def words(self) -> str:
        """The end, worded for the run's page."""
        if self.code is None:
            return "ended while its agent was not running,"
        if self.code >= 0:
            return f"exited with code {self.code}"
        name = signal.Signals(-self.code).name if -self.code in set(signal.Signals) else "unknown"
        likely = _LIKELY.get(-self.code, "")
        return f"was killed by signal {-self.code} ({name}{likely})"


Ending = Coroutine[Any, Any, Exit]
"""A process's end, to be awaited."""


async def of_child(process: subprocess.Popen[bytes]) -> Exit:
    """The end of a child that we started."""
    await _until_gone(process.pid, lambda: process.poll() is not None)
    return Exit(process.wait())


async def of_adopted(pid: int, start_time: float) -> Exit:
    """The end of a process that is not our child; its exit code went to somebody else."""
    await _until_gone(pid, lambda: process_tree.start_time(pid) != start_time)
    return Exit(None)


async def _until_gone(pid: int, is_gone: Callable[[], bool]) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        # No pidfd on this system, or no process any more.
        while not is_gone():  # noqa: ASYNC110 - nothing would set an event
            await asyncio.sleep(POLL_SECONDS)
        return
    try:
        if is_gone():  # the pid may have been another process's by the time it was opened
            return
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
    finally:
        os.close(descriptor)
