"""Rows 30: what keeping a result and finding one again costs a task, beside the same task without.

The floor under each is what the disk asks for one durable file (written, synced, renamed), measured in the same minute.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import Row, alternating

COUNT = 200
REPEATS = 7


def run() -> list[Row]:
    """Everything in a folder of its own."""
    with _home() as home:
        from homeport import task
        from homeport.tasks import task_input_hash

        plain = task(_same)
        kept = task(persist_result=True)(_same)
        hit = task(cache_key_fn=task_input_hash)(_same)
        named = task(cache_key_fn=lambda context, parameters: "one")(_same)
        cost(hit)  # fills the cache
        return [
            row("30a", "a task that keeps its result", kept, lambda: durable_file(home), "one durable file"),
            row("30b", "a cache hit by task_input_hash", hit, lambda: cost(plain), "the same task, called"),
            row("30c", "a cache hit by a key of one's own", named, lambda: cost(plain), "the same task, called"),
            digests(),
        ]


def row(number: str, what: str, measured: object, other: Callable[[], float], name: str) -> Row:
    """Microseconds a task, ours and the other's in turn."""
    made = Row(number, what, "µs", [], [], name)
    made.ours, made.other = alternating(REPEATS, lambda: cost(measured), other)
    return made


def cost(measured: object) -> float:
    """Microseconds of one task run in a flow of many."""
    from homeport import flow
    from homeport.engine.ids import new_id
    from homeport.engine.reporting import NullReporter
    from homeport.engine.run import FlowRunInfo, run_flow

    @flow
    def calling() -> None:
        for number in range(COUNT):
            measured(number)  # type: ignore[operator]

    began = time.perf_counter()
    state = run_flow(calling, {}, reporter=NullReporter(), run=FlowRunInfo(new_id(), "run", "calling"))
    assert state.is_completed(), state
    return (time.perf_counter() - began) / COUNT * 1e6


def durable_file(home: Path) -> float:
    """Microseconds of writing one small file as safely: synced, renamed, its folder synced."""
    began = time.perf_counter()
    for number in range(COUNT):
        partial, target = home / f"{number}.part", home / f"floor-{number}"
        with partial.open("wb") as out:
            out.write(b"x" * 300)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
        folder = os.open(home, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    return (time.perf_counter() - began) / COUNT * 1e6


def digests() -> Row:
    """A digest of a list of a thousand numbers, beside json.dumps and SHA-256 alone."""
    import hashlib
    import json

    from homeport.caching import digest

    value = list(range(1000))

    def ours() -> float:
        return _each(lambda: digest(value))

    def floor() -> float:
        return _each(lambda: hashlib.sha256(json.dumps(value).encode()).hexdigest())

    made = Row("30d", "a digest of 1,000 numbers", "µs", [], [], "json.dumps and sha256")
    made.ours, made.other = alternating(REPEATS, ours, floor)
    return made


def _each(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(COUNT):
        function()
    return (time.perf_counter() - began) / COUNT * 1e6


def _same(number: int) -> int:
    return number


@contextmanager
def _home() -> Iterator[Path]:
    before = os.environ.get("HOMEPORT_HOME")
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as folder:
        os.environ["HOMEPORT_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["HOMEPORT_HOME"]
            else:
                os.environ["HOMEPORT_HOME"] = before
