"""A command on a pseudo-terminal, for what is shown to people only."""

import os
import pty
import select
import subprocess
import time

from tests.services.stack import PROGRAM, Stack


class Terminal:
    """A command of the command line on a pseudo-terminal, and everything that it has written there."""

    def __init__(self, stack: Stack, *arguments: str, columns: int = 100) -> None:
        self.master, slave = pty.openpty()
        environment = stack.environment(TERM="xterm", LINES="30", COLUMNS=str(columns))
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
