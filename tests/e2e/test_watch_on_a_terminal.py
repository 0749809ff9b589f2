"""`run --watch` on a real terminal: the task tree stands below the log while the run goes on."""

import os
import pty
import select
import subprocess
import time
from pathlib import Path

from tests.chaos.gated_flow import register_gated
from tests.services.stack import PROGRAM, Stack


class Terminal:
    """A command on a pseudo-terminal, and everything that it has written there."""

    def __init__(self, stack: Stack, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        environment = stack.environment(TERM="xterm", LINES="30", COLUMNS="100")
        self.process = subprocess.Popen(
            [PROGRAM, *arguments], env=environment, cwd=stack.code, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self.written = ""

    def reads(self, wanted: str, within: float = 30) -> None:
        """Read on until `wanted` has been written."""
        deadline = time.monotonic() + within
        while wanted not in self.written:
            assert time.monotonic() < deadline, f"{wanted!r} was not written; seen: {self.written!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.written += os.read(self.master, 65536).decode()
                except OSError:
                    assert wanted in self.written, self.written
                    return


def test_the_task_tree_is_live_below_the_log(stack: Stack) -> None:
    register_gated(stack)
    stack.start_agent("watched")
    gate: Path = stack.folder / "gate"

    terminal = Terminal(
        stack, "run", "-n", "gated", "--project", "Chaos", "--watch", "--param", f"gate={gate}", "--param", "lines=8"
    )
    terminal.reads("step [4]  4 completed")
    assert "Running for" in terminal.written
    gate.touch()
    terminal.reads("step [8]  8 completed")
    terminal.reads("ended Completed")

    assert terminal.process.wait(20) == 0
    assert "\x1b[1A\x1b[2K" in terminal.written
