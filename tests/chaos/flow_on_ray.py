"""A program whose Ray cluster loses its head while tasks run; its arguments: ADDRESS HEAD_PID FOLDER.

A process of its own, because Ray ends the process of a driver that has been without a head for a minute.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from homeport import flow, task
from homeport.task_runners import RayTaskRunner
from homeport.testing import try_run
from tests.services.waiting import eventually


@task
def waits(folder: Path, number: int) -> None:
    (folder / str(number)).touch()
    time.sleep(120)


@task
def comes_later() -> int:
    return 1


def main(address: str, head: int, folder: Path) -> None:
    """Run it, and print the state of the run and of each task."""
    states = []

    @flow(task_runner=RayTaskRunner(address=address))
    def program() -> None:
        futures = [waits.submit(folder, number) for number in range(3)]
        eventually(lambda: len(list(folder.iterdir())) == 2, what="both processors are busy", within=60)
        os.kill(head, signal.SIGKILL)
        states.extend(future.wait() for future in futures)
        states.append(comes_later.submit().wait())

    tried = try_run(program)
    print(json.dumps({"run": tried.state.type.value, "tasks": [(state.name, state.message) for state in states]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
