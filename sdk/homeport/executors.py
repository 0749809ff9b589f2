"""The 1.x executors: where a graph flow's tasks run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from homeport.task_runners import (
    ConcurrentTaskRunner,
    DaskTaskRunner,
    ProcessTaskRunner,
    SequentialTaskRunner,
    TaskRunner,
)


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
    """Several tasks at once on this machine: in threads of the run's process, or in processes of their own.

    `scheduler` is "threads" (or "threading"), "processes" (or "multiprocessing"), or "sync" (or "synchronous",
    "single-threaded"): one task after the other. Dask itself is not needed for it. Raises ValueError for another
    scheduler.
    """

    def __init__(self, scheduler: str = "threads", num_workers: int | None = None) -> None:
        if scheduler not in _SCHEDULERS:
            raise ValueError(
                f"LocalDaskExecutor(scheduler={scheduler!r}): there is no such scheduler. "
                f'Use "threads", "processes" or "sync".'
            )
        self.scheduler, self.num_workers = scheduler, num_workers

    def task_runner(self) -> TaskRunner:
        """Threads, processes, or the sequential one."""
        kind = _SCHEDULERS[self.scheduler]
        if kind is SequentialTaskRunner:
            return SequentialTaskRunner()
        return kind() if self.num_workers is None else kind(self.num_workers)


_SCHEDULERS: dict[str, Callable[..., TaskRunner]] = {
    "threads": ConcurrentTaskRunner,
    "threading": ConcurrentTaskRunner,
    "processes": ProcessTaskRunner,
    "multiprocessing": ProcessTaskRunner,
    "sync": SequentialTaskRunner,
    "synchronous": SequentialTaskRunner,
    "single-threaded": SequentialTaskRunner,
}


class DaskExecutor(Executor):
    """A Dask cluster: the one at `address`, or one that is made for the run and ended with it.

    The arguments are those of DaskTaskRunner. `debug=True` shows what Dask itself logs. Needs
    `pip install "homeport[dask]"`.
    """

    def __init__(
        self,
        address: str | None = None,
        cluster_class: str | Callable[..., Any] | None = None,
        cluster_kwargs: Mapping[str, Any] | None = None,
        adapt_kwargs: Mapping[str, Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        debug: bool = False,
    ) -> None:
        self.debug = debug
        self._runner = DaskTaskRunner(
            address=address,
            cluster_class=cluster_class,
            cluster_kwargs=cluster_kwargs,
            adapt_kwargs=adapt_kwargs,
            client_kwargs=client_kwargs,
            debug=debug,
        )

    @property
    def address(self) -> str | None:
        """The address of the cluster, if it was given."""
        return self._runner.address

    def task_runner(self) -> TaskRunner:
        """Dask."""
        return self._runner
