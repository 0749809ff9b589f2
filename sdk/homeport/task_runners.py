"""Where a flow's submitted tasks run: in its own thread, in threads, in processes, on an event loop, on Dask, on Ray.

Whatever runs a task's function, everything else about the task (retries, states, caching, hooks) happens in the
process of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.engine.trips import Elsewhere


class TaskRunner:
    """How many submitted tasks may run at once; 1 means one after the other, in the flow's own thread."""

    is_elsewhere = False
    """Whether tasks run in other processes."""
    max_async: int | None = None
    """How many async tasks may run at once; None for any number."""

    def __init__(self, max_workers: int = 1) -> None:
        self.max_workers = checked_workers(max_workers)

    def elsewhere(self) -> Elsewhere:
        """The other processes, for one flow run."""
        raise NotImplementedError(f"{type(self).__name__} runs tasks in this process.")

    def duplicate(self) -> TaskRunner:
        """A task runner of the same kind with the same settings."""
        import copy

        return copy.copy(self)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if value is not None)
        return f"{type(self).__name__}({settings})"


def checked_workers(number: Any) -> int:
    """The number; raises ValueError if so many workers cannot be."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"max_workers is how many tasks may run at once, 1 or more; it was given {number!r}.")
    return number


class SequentialTaskRunner(TaskRunner):
    """A submitted task runs at once, and the flow goes on when it has ended."""

    def __init__(self) -> None:
        super().__init__(1)


class ConcurrentTaskRunner(TaskRunner):
    """Submitted tasks run in threads, at most `max_workers` at a time. The default.

    Async tasks run on the event loop, any number at once.
    """

    def __init__(self, max_workers: int = 32) -> None:
        super().__init__(max_workers)


class ThreadPoolTaskRunner(ConcurrentTaskRunner):
    """Another name of ConcurrentTaskRunner."""


class AsyncTaskRunner(TaskRunner):
    """Async tasks run on the event loop, at most `max_workers` at once; other tasks in as many threads.

    For flows that would open more connections at once than the other side bears.
    """

    def __init__(self, max_workers: int = 32) -> None:
        super().__init__(max_workers)
        self.max_async = self.max_workers


class ProcessTaskRunner(TaskRunner):
    """Submitted tasks run in processes of their own, as many as there are processors, or `max_workers`.

    Arguments and results travel as pickles (cloudpickle, so functions of a script or a notebook do, too).
    """

    is_elsewhere = True

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__(_processors() if max_workers is None else max_workers)

    def elsewhere(self) -> Elsewhere:
        """The pool of processes of one run. Raises NotImplementedError on Windows."""
        import sys

        if sys.platform == "win32":
            raise NotImplementedError(
                "ProcessTaskRunner is not available on Windows yet. Use ConcurrentTaskRunner(), or DaskTaskRunner(), "
                "whose workers are processes."
            )
        from homeport.engine.process_pool import ProcessPool

        return ProcessPool(self.max_workers)


class DaskTaskRunner(TaskRunner):
    """Submitted tasks run on a Dask cluster: the one at `address`, or one that is made for the run and ended with it.

    `cluster_class` (a class, a function that returns a cluster, or "package.module.Class"; the default is
    `distributed.LocalCluster`) is called with `cluster_kwargs`; with `adapt_kwargs` the cluster scales by itself
    (`cluster.adapt(**adapt_kwargs)`). `cluster` is a cluster object that you end yourself. `client_kwargs` are those of
    `distributed.Client`. With `debug=True` the run's log has what Dask itself logs. `no_workers_timeout` is for how
    many seconds tasks wait for a cluster without any worker, which may be one that starts, or has lost them all; then
    they end CRASHED (None: they wait for ever). Needs `pip install "homeport[dask]"`. Raises ValueError where two
    arguments name a cluster.
    """

    is_elsewhere = True

    def __init__(
        self,
        cluster: Any = None,
        address: str | None = None,
        cluster_class: str | Callable[..., Any] | None = None,
        cluster_kwargs: Mapping[str, Any] | None = None,
        adapt_kwargs: Mapping[str, Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        debug: bool = False,
        no_workers_timeout: float | None = 600.0,
    ) -> None:
        super().__init__(32)
        made = {"cluster_class": cluster_class, "cluster_kwargs": cluster_kwargs, "adapt_kwargs": adapt_kwargs}
        for name, there in (("address", address), ("cluster", cluster)):
            if there is not None and any(made.values()):
                raise ValueError(
                    f"DaskTaskRunner: {name} is a cluster that is there already; "
                    f"{', '.join(key for key in made if made[key])} would be for one that is to be made. "
                    f"Give one of them."
                )
        if address is not None and cluster is not None:
            raise ValueError("DaskTaskRunner: address and cluster both say which cluster to use. Give one of them.")
        self.cluster, self.address, self.cluster_class = cluster, address, cluster_class
        self.cluster_kwargs = dict(cluster_kwargs or {})
        self.adapt_kwargs = None if adapt_kwargs is None else dict(adapt_kwargs)
        self.client_kwargs = dict(client_kwargs or {})
        self.debug = debug
        self.no_workers_timeout = no_workers_timeout

    def elsewhere(self) -> Elsewhere:
        """The cluster, or a connection to it, for one run. Raises MissingExtra where Dask is not installed."""
        from homeport.engine.dask_cluster import DaskCluster

        return DaskCluster(self)


class RayTaskRunner(TaskRunner):
    """Submitted tasks run on Ray: the cluster at `address`, or one on this machine that ends with the run.

    `init_kwargs` are those of `ray.init`, `remote_options` those of a Ray task (num_cpus, resources, ...). Where
    `ray.init` was called already, that connection is used and stays. Needs `pip install "homeport[ray]"`.
    """

    is_elsewhere = True

    def __init__(
        self,
        address: str | None = None,
        init_kwargs: Mapping[str, Any] | None = None,
        remote_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(32)
        self.address = address
        self.init_kwargs = dict(init_kwargs or {})
        self.remote_options = dict(remote_options or {})

    def elsewhere(self) -> Elsewhere:
        """The cluster, or a connection to it, for one run. Raises MissingExtra where Ray is not installed."""
        from homeport.engine.ray_cluster import RayCluster

        return RayCluster(self)


def _processors() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
