"""Ten thousand mapped tasks that do nothing, by each task runner, beside what it would cost without Homeport.

Each pair is taken in turn in this process. Pools and clusters are warm before the clock starts, on both sides. A task
of ours is more than a bare call: it has states, a name, its own context, and its lines come home. Short ones travel in
groups, which is why ours may cost less than a bare call of each.
"""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from typing import Any

from benchmarks.measuring import Row, alternating
from homeport import flow, task
from homeport.engine.ids import new_id
from homeport.engine.reporting import NullReporter
from homeport.engine.run import FlowRunInfo, run_flow
from homeport.task_runners import ConcurrentTaskRunner, DaskTaskRunner, ProcessTaskRunner, RayTaskRunner, TaskRunner

COUNT = 10_000
ON_CLUSTERS = 2_000
WORKERS = 2
REPEATS = 3
MEGABYTE, LARGE, MANY = 1 << 20, 50, 6


def increment(number: int) -> int:
    """What each call does."""
    return number + 1


def run() -> list[Row]:
    """Threads and processes; Dask and Ray where they are installed."""
    rows = [_threads(), *_processes(), _large_results()]
    rows += [_dask()] if find_spec("distributed") is not None else []
    rows += [_ray()] if find_spec("ray") is not None else []
    return rows


def ours(runner: TaskRunner, count: int) -> float:
    """Microseconds a task, from the map to the last result."""
    counted = task(increment)
    taken: list[float] = []

    @flow(task_runner=runner)
    def program() -> None:
        counted.map(range(2 * WORKERS)).result()  # workers are there, and have the function
        begun = time.perf_counter()
        results: list[int] = counted.map(range(count)).result()
        taken.append(time.perf_counter() - begun)
        assert results[-1] == count

    state = run_flow(program, {}, reporter=NullReporter(), run=FlowRunInfo(new_id(), "run", "program"))
    assert state.is_completed(), state
    return taken[0] / count * 1e6


def timed(call: Callable[[], Any], count: int) -> float:
    """Microseconds a call."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) / count * 1e6


def _threads() -> Row:
    samples = [ours(ConcurrentTaskRunner(8), COUNT) for _ in range(REPEATS)]
    return Row("5c", f"a mapped task in threads, {COUNT:,} of them", "µs", samples)


def _processes() -> list[Row]:
    rows = []
    with ProcessPoolExecutor(WORKERS) as pool:
        list(pool.map(increment, range(2 * WORKERS)))

        def submitted() -> float:
            return timed(lambda: [done.result() for done in [pool.submit(increment, n) for n in range(COUNT)]], COUNT)

        mine, other = alternating(REPEATS, lambda: ours(ProcessTaskRunner(WORKERS), COUNT), submitted)
        name = "concurrent.futures.ProcessPoolExecutor.submit"
        rows.append(
            Row("5c", f"a mapped task in {WORKERS} processes, {COUNT:,} of them", "µs", mine, other, other_name=name)
        )
        chunks = timed(lambda: list(pool.map(increment, range(COUNT), chunksize=100)), COUNT)
        rows[0].remarks.append(f"ProcessPoolExecutor.map(chunksize=100), which has one future for 100: {chunks:.2g} µs")
    return rows


def large(number: int) -> list[bytes]:
    """A result of fifty megabytes, none of whose parts is another's."""
    return [(number + part).to_bytes(4, "big") * (MEGABYTE // 4) for part in range(LARGE)]


def _large_results() -> Row:
    counted = task(large)

    def results_of_ours() -> float:
        taken: list[float] = []

        @flow(task_runner=ProcessTaskRunner(1))
        def program() -> None:
            counted.submit(0).wait()
            taken.append(timed(lambda: [counted.submit(number).result() for number in range(MANY)], MANY) / 1e3)

        assert run_flow(
            program, {}, reporter=NullReporter(), run=FlowRunInfo(new_id(), "run", "program")
        ).is_completed()
        return taken[0]

    with ProcessPoolExecutor(1) as pool:
        pool.submit(large, 0).result()
        mine, other = alternating(
            REPEATS,
            results_of_ours,
            lambda: timed(lambda: [pool.submit(large, number).result() for number in range(MANY)], MANY) / 1e3,
        )
    what = f"a result of {LARGE} MiB from a process, one after the other"
    return Row("5d", what, "ms", mine, other, other_name="concurrent.futures.ProcessPoolExecutor.submit")


def _dask() -> Row:
    import distributed

    settings = {"n_workers": WORKERS, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": "CRITICAL"}
    with (
        distributed.LocalCluster(**settings) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        runner = DaskTaskRunner(address=cluster.scheduler_address)

        def bare() -> float:
            return timed(lambda: client.gather(client.map(increment, range(ON_CLUSTERS), pure=False)), ON_CLUSTERS)

        mine, other = alternating(REPEATS, lambda: ours(runner, ON_CLUSTERS), bare)
    what = f"a mapped task on Dask, {ON_CLUSTERS:,} of them"
    return Row("5c", what, "µs", mine, other, other_name="distributed.Client.map")


def _ray() -> Row:
    import ray

    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        remote = ray.remote(increment)
        ray.get([remote.remote(number) for number in range(2 * WORKERS)])

        def bare() -> float:
            return timed(lambda: ray.get([remote.remote(number) for number in range(ON_CLUSTERS)]), ON_CLUSTERS)

        mine, other = alternating(REPEATS, lambda: ours(RayTaskRunner(), ON_CLUSTERS), bare)
    finally:
        ray.shutdown()
    return Row(
        "5c", f"a mapped task on Ray, {ON_CLUSTERS:,} of them", "µs", mine, other, other_name="ray.remote, ray.get"
    )


if __name__ == "__main__":
    for row in run():
        print("\n".join(row.lines()), flush=True)
