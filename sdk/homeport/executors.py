"""The 1.x executors: where a graph flow's tasks run."""

from __future__ import annotations

from typing import Any

from homeport.task_runners import ConcurrentTaskRunner, SequentialTaskRunner, TaskRunner


class Executor:
    """The base of executors."""

    def task_runner(self) -> TaskRunner:
        """The task runner that does the same."""
        raise NotImplementedError


class LocalExecutor(Executor):
    """One task after the other, in the run's own process. The default."""

    def task_runner(self) -> TaskRunner:
        """The sequential one."""
        return SequentialTaskRunner()


class LocalDaskExecutor(Executor):
    """Several tasks at once, in threads of the run's process."""

    def __init__(self, scheduler: str = "threads", num_workers: int | None = None) -> None:
        if scheduler not in ("threads", "sync", "synchronous", "single-threaded"):
            raise ValueError(
                f"LocalDaskExecutor(scheduler={scheduler!r}) is not available in this version of Homeport. "
                f'Use scheduler="threads".'
            )
        self.scheduler, self.num_workers = scheduler, num_workers

    def task_runner(self) -> TaskRunner:
        """Threads, or the sequential one."""
        if self.scheduler != "threads":
            return SequentialTaskRunner()
        return ConcurrentTaskRunner() if self.num_workers is None else ConcurrentTaskRunner(self.num_workers)


class DaskExecutor(Executor):
    """A Dask cluster. It can be described, but this version does not run on it."""

    def __init__(self, address: str | None = None, **options: Any) -> None:
        self.address, self.options = address, options

    def task_runner(self) -> TaskRunner:
        """Raises TypeError."""
        raise TypeError(
            "DaskExecutor is not available in this version of Homeport. Use LocalDaskExecutor(num_workers=...), which "
            "runs tasks in threads."
        )
