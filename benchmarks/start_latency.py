"""Row 2: from the creation of a run to the first line of user code, in a cold process that a local agent starts.

Beside it, in turn, the floor: a fresh interpreter that imports an HTTP client and makes two requests of the same
server, which is the least that any cold run process must do.
"""

import asyncio
import subprocess
import sys
import time

from tests.services.waiting import eventually

from benchmarks.measuring import Row, percentile
from benchmarks.world import CREATE, World, world

REPEATS = 30
FLOW = """
import time
from pathlib import Path
from homeport import flow

@flow
def first_line(target: str):
    Path(target + ".new").write_text(str(time.time_ns()))
    Path(target + ".new").rename(target)
"""
FLOOR = """
import sys, httpx
client = httpx.Client(verify=False)
client.get(sys.argv[1] + "/healthz"); client.get(sys.argv[1] + "/healthz")
import time; print(time.time_ns())
"""


def run() -> list[Row]:
    """Thirty runs one after the other, each followed by one floor process."""
    with world() as here:
        return asyncio.run(measure(here))


async def measure(here: World) -> list[Row]:
    stack = here.stack()
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("first_line.py", FLOW)
    stack.cli("create", "project", "Bench", "--skip-if-exists")
    stack.cli("register", "--project", "Bench", "-p", "first_line.py")
    stack.start_agent("bench")
    row = Row(
        "2",
        "create a run → first line of user code, cold process",
        "ms",
        [],
        [],
        "fresh Python, httpx, two requests",
        "≤ 200 ms",
    )
    connection = await here.load.connect()
    try:
        for turn in range(REPEATS + 2):
            target = stack.folder / f"first-{turn}"
            began = time.time_ns()
            wanted = {"project": "Bench", "flow": "first-line", "parameters": {"target": str(target)}}
            await here.load.call(connection, CREATE, {"input": wanted})
            eventually(target.exists, what="the run's first line", every=0.005)
            ours = (int(target.read_text()) - began) / 1e6
            other = floor(here.server.url)
            eventually(lambda: not stack.run_processes(), what="the run process ends", every=0.02)
            if turn >= 2:
                row.ours.append(ours)
                row.other.append(other)
    finally:
        stack.close()
    row.remarks.append(f"p99 {percentile(row.ours, 0.99):.0f} ms")
    return [row]


def floor(url: str) -> float:
    """Milliseconds from the start of a fresh interpreter to the end of its second request."""
    began = time.time_ns()
    done = subprocess.run([sys.executable, "-c", FLOOR, url], check=True, capture_output=True, text=True)
    return (int(done.stdout) - began) / 1e6
