"""The 1.x shape: one graph, run by two executors. Nothing of the graph knows where it runs."""

import os

from homeport import Flow, Parameter, task
from homeport.executors import LocalDaskExecutor, LocalExecutor


@task
def part(number: int) -> tuple[int, int]:
    """A part of the work, and the process that did it."""
    return number + 1, os.getpid()


@task
def combine(parts: list[tuple[int, int]]) -> int:
    """All parts."""
    return sum(number for number, _ in parts)


with Flow("parts") as parts:
    combined = combine(part.map(Parameter("numbers", default=[1, 2, 3])))

if __name__ == "__main__":
    for executor in (LocalExecutor(), LocalDaskExecutor(scheduler="processes", num_workers=2)):
        parts.executor = executor
        state = parts.run()
        print(f"{type(executor).__name__}: {state.result[combined].result}")
