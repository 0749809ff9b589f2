"""A task that hangs in code that is not Python: in a process it ends when its time is over, whatever it does."""

import time

from homeport import flow, task
from homeport.task_runners import ProcessTaskRunner


@task(timeout_seconds=0.5)
def query(seconds: float) -> str:
    """Stands for a driver that waits for a server."""
    time.sleep(seconds)
    return "answered"


@flow(task_runner=ProcessTaskRunner(max_workers=2))
def ask() -> list[str]:
    """Ask a quick server and one that hangs."""
    states = [query.submit(seconds).wait() for seconds in (0.01, 60)]
    names = [state.name for state in states]
    print(names)
    return names


ask()
