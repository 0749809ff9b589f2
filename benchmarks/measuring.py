"""How a figure is taken: repeated, alternating with its peer or floor, with the machine's foreign load beside it.

These machines are shared. One absolute time says little, a ratio of two medians taken in turn in the same minute says
much; so every row prints ours, the other, and the ratio, and says how busy the machine was with other people's work.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil


@dataclass
class Row:
    """One line of the table: what was measured, ours and the other's samples, the target, and remarks."""

    number: str
    what: str
    unit: str
    ours: list[float]
    other: list[float] = field(default_factory=list)
    other_name: str = ""
    target: str = ""
    remarks: list[str] = field(default_factory=list)
    label: str = "ours"

    def lines(self) -> Iterator[str]:
        """The row as text: medians, spread and the ratio."""
        yield f"row {self.number}: {self.what}"
        yield f"    {self.label:7} {spread(self.ours)} {self.unit}" + (
            f"   (target {self.target})" if self.target else ""
        )
        if self.other:
            ratio = statistics.median(self.ours) / statistics.median(self.other)
            yield f"    beside  {spread(self.other)} {self.unit}   {self.other_name}"
            yield f"    ratio   {ratio:.3g} (ours / beside)"
        for remark in self.remarks:
            yield f"    note    {remark}"


def spread(samples: Iterable[float]) -> str:
    """Median and range of the samples."""
    values = sorted(samples)
    if not values:
        return "not measured"
    return f"median {fmt(statistics.median(values))}  [{fmt(values[0])} .. {fmt(values[-1])}]  n={len(values)}"


def fmt(value: float) -> str:
    """A number as a person reads it."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percentile(samples: list[float], share: float) -> float:
    """The sample below which `share` (0 to 1) of all lie."""
    values = sorted(samples)
    return values[min(len(values) - 1, int(share * len(values)))]


def alternating(times: int, ours: Callable[[], float], other: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Sample A B A B ..., so that drift hits both alike; one warm-up of each is thrown away."""
    ours(), other()
    a, b = [], []
    for _ in range(times):
        a.append(ours())
        b.append(other())
    return a, b


def machine() -> str:
    """What this was measured on, without naming it."""
    name = next((line.split(":")[1].strip() for line in cpuinfo() if line.startswith("model name")), "unknown CPU")
    memory = psutil.virtual_memory().total / 2**30
    python = platform.python_version()
    return f"{os.cpu_count()} cores ({name}), {memory:.0f} GiB, Linux {os.uname().release}, Python {python}"


def cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


@contextmanager
def foreign_load(row_remarks: list[str], own: Callable[[], float]) -> Iterator[None]:
    """Add a remark on how much CPU others used meanwhile; `own` gives the CPU seconds of all that is ours."""
    whole_before, own_before, began = _busy(), own(), time.perf_counter()
    yield
    wall = time.perf_counter() - began
    foreign = max(0.0, (_busy() - whole_before) - (own() - own_before))
    row_remarks.append(f"other processes used {foreign / wall:.0%} of a core meanwhile")


def _busy() -> float:
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - getattr(times, "guest", 0)


def cpu_seconds(pid: int) -> float:
    """User and system seconds of a process and all its live descendants."""
    total = 0.0
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    except psutil.NoSuchProcess:
        pass
    return total


def proportional_memory(pid: int) -> float:
    """MiB of a process and its descendants, shared pages counted by share (PSS)."""
    root = psutil.Process(pid)
    return sum(process.memory_full_info().pss for process in [root, *root.children(recursive=True)]) / 2**20
