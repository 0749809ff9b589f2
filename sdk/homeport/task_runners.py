"""Where a flow's submitted tasks run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskRunner:
    """How many submitted tasks may run at once; 1 means one after the other, in the flow's own thread."""

    max_workers: int = 1

    def __post_init__(self) -> None:
        if self.max_workers < 1:
            raise ValueError(
                f"max_workers is how many tasks may run at once, 1 or more; it was given {self.max_workers}."
            )


class SequentialTaskRunner(TaskRunner):
    """A submitted task runs at once, and the flow goes on when it has ended."""

    def __init__(self) -> None:
        super().__init__(1)


class ConcurrentTaskRunner(TaskRunner):
    """Submitted tasks run in threads, at most `max_workers` at a time. The default."""

    def __init__(self, max_workers: int = 32) -> None:
        super().__init__(max_workers)


class ThreadPoolTaskRunner(ConcurrentTaskRunner):
    """Another name of ConcurrentTaskRunner."""
