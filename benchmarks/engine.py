"""Rows 3, 4 and 5: what a task costs that does nothing, without a server and reporting to one, and how that grows.

Each engine is measured in processes of its own, in turn; a peer that cannot be installed here is named as such. Prefect
1.4.1 needs Python 3.10 or older: one that is on the PATH is taken.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.services.stack import Stack
from tests.services.waiting import eventually

from benchmarks import peers
from benchmarks.measuring import Row
from benchmarks.world import world

PROGRAMS = Path(__file__).parent / "engine_programs"
PREFECT1 = Path(os.environ.get("HOMEPORT_BENCH_PREFECT1", "~/.cache/homeport-bench/prefect1")).expanduser()
REPEATS = 3
OURS, THEIRS = 10_000, 100  # tasks a sample; a peer that needs ten milliseconds a task is not asked for ten thousand
WAYS = {"direct": "≤ 60 µs", "submitted": "≤ 120 µs", "mapped": "≤ 120 µs"}
REPORTED = 10_000

REPORTING = """
from homeport import flow, task

@task
def nothing(number):
    return number

@flow
def sequential(count: int):
    for number in range(count):
        nothing(number)

@flow
def mapped(count: int):
    nothing.map(range(count))
"""

Sample = Callable[[str, int], dict[str, float]]


def run() -> list[Row]:
    """Overheads beside the peers, then a hundred thousand mapped tasks, then runs that report."""
    others, missing = _peers()
    rows = [_overhead(way, others) for way in WAYS]
    rows[0].remarks += missing
    return [*rows, *_growth(others), *_reporting()]


def _overhead(way: str, others: dict[str, Sample]) -> Row:
    """Microseconds a task, less what an empty run costs."""
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in others}
    for _ in range(REPEATS):
        ours.append(_a_task(_homeport, way, OURS))
        for name, sample in others.items():
            theirs[name].append(_a_task(sample, way, THEIRS))
    row = Row("3", f"overhead of a task that does nothing, {way}, no server", "µs", ours, target=WAYS[way])
    for name, samples in theirs.items():
        middle = statistics.median(samples)
        row.remarks.append(f"{name}: {middle:,.0f} µs, {middle / statistics.median(ours):,.0f} times ours")
    return row


def _a_task(sample: Sample, way: str, count: int) -> float:
    return (sample(way, count)["seconds"] - sample("empty", 0)["seconds"]) / count * 1e6


def _growth(others: dict[str, Sample]) -> list[Row]:
    """A hundred thousand mapped tasks in both shapes, beside a tenth of them: the cost of one may not grow."""
    rows = []
    for way, shape in (("mapped", "function flow"), ("graph", "graph flow")):
        big = [_homeport(way, 100_000) for _ in range(REPEATS)]
        small = [_homeport(way, 10_000) for _ in range(REPEATS)]
        row = Row(
            "5", f"100,000 mapped tasks, {shape}", "s", [one["seconds"] for one in big], target="≤ 15 s, ≤ 400 MB"
        )
        row.other, row.other_name = [one["seconds"] * 10 for one in small], "ten times what 10,000 take"
        row.remarks.append(f"peak memory {max(one['mib'] for one in big):.0f} MiB")
        rows.append(row)
    for name, sample in others.items():
        few, many = sample("mapped", 100)["seconds"], sample("mapped", 500)["seconds"]
        rows[0].remarks.append(f"{name}: 500 mapped tasks in {many:.1f} s, 100 in {few:.1f} s")
    return rows


def _reporting() -> list[Row]:
    """Tasks a second of one run on an agent, from its start to its end, by when every state is stored."""
    rows = []
    with world() as here:
        stack = here.stack()
        stack.write_flow("pyproject.toml", "")
        stack.write_flow("reporting.py", REPORTING)
        stack.cli("create", "project", "Bench", "--skip-if-exists")
        stack.cli("register", "--project", "Bench", "-p", "reporting.py")
        stack.start_agent("bench")
        try:
            for name in ("sequential", "mapped"):
                samples = [_reported(stack, name) for _ in range(REPEATS)]
                rows.append(
                    Row("4", f"tasks of one {name} run, each state stored", "tasks/s", samples, target="≥ 5,000/s")
                )
        finally:
            stack.close()
    return rows


def _reported(stack: Stack, name: str) -> float:
    run = stack.json("run", name, "--project", "Bench", "--param", f"count={REPORTED}")

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = stack.json("flow-run", "inspect", run["id"])
        return found if found["finishedAt"] else None

    found = eventually(ended, what="the run ends", within=120, every=0.5)
    assert found["state"]["type"] == "COMPLETED", found
    begun, end = (datetime.fromisoformat(found[key]) for key in ("startedAt", "finishedAt"))
    return REPORTED / (end - begun).total_seconds()


def _homeport(way: str, count: int) -> dict[str, float]:
    return _sample(Path(sys.executable), "homeport_tasks.py", way, count)


def _sample(python: Path, program: str, way: str, count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "HOMEPORT_HOME": home, "HOMEPORT_LOGGING_LEVEL": "ERROR", "HOMEPORT_PROGRESS": "0",
            "PREFECT_HOME": home, "PREFECT_LOGGING_LEVEL": "ERROR", "PREFECT__LOGGING__LEVEL": "ERROR",
            "PREFECT__HOME_DIR": home, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
        }  # fmt: skip
        done = subprocess.run(
            [python, PROGRAMS / program, way, str(count)],
            env=environment, cwd=home, check=True, capture_output=True, text=True,
        )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _peers() -> tuple[dict[str, Sample], list[str]]:
    found: dict[str, Sample] = {}
    missing = []
    for name, python_of, program in (
        ("Prefect 1.4.1", _prefect1, "prefect1_tasks.py"),
        ("Prefect 3", peers.installed, "prefect3_tasks.py"),
    ):
        try:
            python = python_of()
        except (subprocess.CalledProcessError, FileNotFoundError) as refused:
            missing.append(f"{name} could not be installed here: {refused}")
            continue

        def sample(way: str, count: int, *, python: Path = python, program: str = program) -> dict[str, float]:
            return _sample(python, program, way, count)

        found[name] = sample
    return found, missing


def _prefect1() -> Path:
    python = PREFECT1 / "bin" / "python"
    if not python.exists():
        old = next((path for version in ("3.10", "3.9", "3.8") if (path := shutil.which(f"python{version}"))), None)
        if old is None:
            raise FileNotFoundError("it needs Python 3.8 to 3.10, and none is on the PATH")
        subprocess.run([old, "-m", "venv", PREFECT1], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "prefect==1.4.1", "setuptools<70"]
        subprocess.run(pip, check=True)
    return python
