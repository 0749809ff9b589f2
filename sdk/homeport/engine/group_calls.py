"""What a worker of a cluster (Dask, Ray) is asked to do: make a group of calls, and say how each ended."""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from homeport.engine.asking_home import Mail
    from homeport.engine.parcels import Parcel, Ware
    from homeport.engine.worker_bench import Bench, Event, Outcome

_bench: Bench | None = None
_lock = threading.Lock()
_running: dict[str, int] = {}
_cancelled: set[str] = set()


class GroupOutcome(NamedTuple):
    """How a group of calls went."""

    outcomes: list[tuple[int, Outcome]]
    events: list[tuple[int, Event]]
    seconds: float


def make_group(
    parcels: list[Parcel], wares: list[Ware], path: list[str], run_key: str, mail: Mail | None
) -> GroupOutcome:
    """Make the calls, one after the other, in this thread; their outcomes, and what they told."""
    from homeport.engine.asking_home import nobody
    from homeport.engine.cancellation import RunCancelled
    from homeport.engine.worker_bench import ERROR, packed_error

    bench = _bench_with(wares, path)
    outcomes: list[tuple[int, Outcome]] = []
    events: list[tuple[int, Event]] = []
    line = None if mail is None else mail.line()
    begun = time.perf_counter()
    for parcel in parcels:
        number, key = parcel.number, f"{run_key}-{parcel.number}"
        with _lock:
            stopped = key in _cancelled
            _cancelled.discard(key)
            if not stopped:
                _running[key] = threading.get_ident()
        if stopped:
            outcomes.append((number, (ERROR, packed_error(RunCancelled()))))
            continue
        try:
            outcome = bench.make(
                parcel,
                lambda event, of=number: events.append((of, event)),  # type: ignore[misc]
                nobody if line is None else partial(line, number),
            )
        finally:
            _leave(key)
        outcomes.append((number, outcome))
    return GroupOutcome(outcomes, events, time.perf_counter() - begun)


def stop_calls(keys: list[str]) -> None:
    """In the process that makes them: have these calls end, or not begin."""
    from homeport.engine.cancellation import RunCancelled
    from homeport.engine.timeouts import raise_in_thread

    with _lock:
        for key in keys:
            thread = _running.get(key)
            if thread is None:
                _cancelled.add(key)
            else:
                raise_in_thread(thread, RunCancelled)
        while len(_cancelled) > 100_000:
            _cancelled.pop()


def _leave(key: str) -> None:
    from homeport.engine.timeouts import raise_in_thread

    with _lock:
        thread = _running.pop(key, 0)
        if thread:
            raise_in_thread(thread, None)  # one that came too late must not hit the next call


def _bench_with(wares: list[Ware], path: list[str]) -> Bench:
    global _bench
    with _lock:
        if _bench is None:
            from homeport.engine.worker_bench import Bench

            _bench = Bench()
            sys.path.extend(folder for folder in path if folder not in sys.path)
    for ware in wares:
        _bench.keep(ware.key, ware.data)
    return _bench
