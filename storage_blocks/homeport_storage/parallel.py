"""As many calls at once as a storage says make sense, and the first failure ends them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from homeport.blobs import BlobStore

T = TypeVar("T")


def sizes_of(store: BlobStore, keys: Sequence[str]) -> list[int | None]:
    """What is kept under each key, by its size; see BlobStore.size."""
    # Where a connection takes several round trips to open, a few short questions are better asked on one.
    most = -(-len(keys) // getattr(store, "questions_per_connection", 1))
    return in_parallel([partial(store.size, key) for key in keys], min(store.parallel, most))


def in_parallel(jobs: Sequence[Callable[[], T]], threads: int) -> list[T]:
    """What the jobs give back, in their order; raises the first failure once the jobs under way have ended."""
    threads = min(threads, len(jobs))
    if threads <= 1:
        return [job() for job in jobs]
    from concurrent.futures import ThreadPoolExecutor, as_completed

    with ThreadPoolExecutor(threads, thread_name_prefix="storage") as pool:
        running = [pool.submit(job) for job in jobs]
        try:
            for done in as_completed(running):
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [job.result() for job in running]
