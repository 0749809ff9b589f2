"""Row 10: time and memory of `import homeport`, beside a bare interpreter and the imports that any client needs."""

import subprocess
import sys
import time

from benchmarks.measuring import Row, alternating

REPEATS = 15


def run() -> list[Row]:
    """Whole processes, in turn."""
    rows = []
    for number, what, statement, other, target in (
        (
            "10",
            "import homeport",
            "import homeport; homeport.flow, homeport.task, homeport.Flow",
            "pass",
            "≤ 80 ms over the bare interpreter",
        ),
        ("10b", "imports of the run process", "import homeport.runtime.process", "import httpx", "≤ 100 ms"),
    ):
        row = Row(number, what, "ms", [], [], f"python -c '{other}'", target)
        row.ours, row.other = alternating(REPEATS, lambda s=statement: wall(s), lambda o=other: wall(o))  # type: ignore[misc]
        row.remarks.append(f"peak memory {peak(statement):.0f} MiB, beside {peak(other):.0f} MiB")
        rows.append(row)
    return rows


def wall(statement: str) -> float:
    """Milliseconds of one fresh interpreter."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return (time.perf_counter() - began) * 1000


def peak(statement: str) -> float:
    """Peak resident MiB of one fresh interpreter."""
    # Not ru_maxrss: that one remembers the parent from before the exec.
    code = f"{statement}\nprint(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return int(printed) / 1024
