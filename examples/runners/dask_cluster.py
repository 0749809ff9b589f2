"""The same flow on Dask: a cluster that is made for the run, or the one whose address is in DASK_ADDRESS."""

import os

from homeport import flow, get_run_logger, task
from homeport.task_runners import DaskTaskRunner


@task(retries=2)
def words(line: str) -> int:
    """Count the words of a line, on a worker."""
    get_run_logger().debug("counted on process %s", os.getpid())
    return len(line.split())


def runner() -> DaskTaskRunner:
    """The cluster that is there, or one of two processes."""
    address = os.environ.get("DASK_ADDRESS")
    if address:
        return DaskTaskRunner(address=address)
    return DaskTaskRunner(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1})


@flow(task_runner=runner())
def count_words(lines: int = 100) -> int:
    """Count the words of a text."""
    counted = sum(words.map([f"line {number} of the text" for number in range(lines)]).result())
    print(f"{counted} words")
    return counted


# Dask starts its workers by running this file again, so a run may only begin here.
if __name__ == "__main__":
    count_words()
