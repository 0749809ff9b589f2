"""The peer: Prefect 3 on this machine, in this run, for rows 2, 6, 10 and 11 (its engine: `engine.py`).

It is installed into an environment of its own below the cache folder the first time. Where that cannot be had, the row
says so. Settings are those of a user in a hurry: SQLite as it comes, a process worker that polls each second.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.services.control_plane import free_port
from tests.services.waiting import eventually

from benchmarks.measuring import Row, proportional_memory

CACHE = Path(os.environ.get("HOMEPORT_BENCH_PEERS", "~/.cache/homeport-bench/prefect3")).expanduser()
RUNS, CREATES = 8, 100
FLOW = """
import time
from pathlib import Path
from prefect import flow

@flow
def first_line(target: str):
    Path(target + ".new").write_text(str(time.time_ns()))
    Path(target + ".new").rename(target)
"""
DEPLOY = """
import sys
from prefect import flow
flow.from_source(source=sys.argv[1], entrypoint="first_line.py:first_line").deploy(
    name="bench", work_pool_name="bench", build=False, print_next_steps=False)
"""


def run() -> list[Row]:
    """Install once, start server and worker, measure, stop both."""
    try:
        python = installed()
    except subprocess.CalledProcessError as refused:
        return [Row("2, 6, 10, 11", f"Prefect 3 could not be installed: {refused}", "", [])]
    with tempfile.TemporaryDirectory(prefix="prefect-bench-") as folder, ExitStack() as stack:
        return Peer(python, Path(folder), stack).measure()


def installed() -> Path:
    """The interpreter of an environment with Prefect 3 in it."""
    python = CACHE / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", CACHE], check=True)
    if subprocess.run([python, "-c", "import prefect"], check=False, capture_output=True).returncode:
        subprocess.run(
            [
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "prefect>=3.4,<3.5",
                "fastapi<0.117",
                "pydantic<2.12",
                "importlib_metadata",
            ],
            check=True,
        )
    return python


class Peer:
    """A Prefect server and worker below one folder."""

    def __init__(self, python: Path, folder: Path, stack: ExitStack) -> None:
        self.python, self.folder, self.stack = python, folder, stack
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.environment = os.environ | {
            "PREFECT_HOME": str(folder / "home"), "PREFECT_API_URL": self.api, "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_LOGGING_LEVEL": "ERROR",
        }  # fmt: skip

    def measure(self) -> list[Row]:
        began = time.perf_counter()
        server = self.start("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        eventually(self.healthy, what="the Prefect server is up", within=90, every=0.1)
        ready = time.perf_counter() - began
        self.call("prefect", "work-pool", "create", "bench", "--type", "process")
        (self.folder / "first_line.py").write_text(FLOW)
        self.call("python", "-c", DEPLOY, str(self.folder))
        self.start("prefect", "worker", "start", "--pool", "bench")
        deployment = json.loads(self.ask("GET", "/deployments/name/first-line/bench"))["id"]

        def create(target: str) -> bytes:
            return self.ask("POST", f"/deployments/{deployment}/create_flow_run", {"parameters": {"target": target}})

        rows = [
            Row("2", "Prefect 3: create a run → first line, process worker, poll 1 s", "ms", self.latencies(create)),
            Row("6", "Prefect 3: creates, one client, one a call", "runs/s", [self.creates(deployment)]),
            Row("10", "Prefect 3: import prefect, flow and task", "ms", [self.import_time() for _ in range(5)]),
            Row("11", "Prefect 3: server memory (PSS) after this", "MiB", [proportional_memory(server.pid)]),
            Row("11c", "Prefect 3: server ready, first start", "s", [ready]),
        ]
        for row in rows:
            row.label = "peer"
        return rows

    def latencies(self, create: Callable[[str], bytes]) -> list[float]:
        samples = []
        for turn in range(RUNS):
            target = self.folder / f"first-{turn}"
            began = time.time_ns()
            create(str(target))
            eventually(target.exists, what="Prefect's run starts", within=60, every=0.005)
            samples.append((int(target.read_text()) - began) / 1e6)
        return samples[1:]

    def creates(self, deployment: str) -> float:
        began = time.perf_counter()
        for _ in range(CREATES):
            late = {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": "2099-01-01T00:00:00Z"}}}
            self.ask("POST", f"/deployments/{deployment}/create_flow_run", {"parameters": {"target": "x"}} | late)
        return CREATES / (time.perf_counter() - began)

    def import_time(self) -> float:
        began = time.perf_counter()
        self.call("python", "-c", "from prefect import flow, task")
        return (time.perf_counter() - began) * 1000

    def healthy(self) -> bool:
        try:
            return self.ask("GET", "/health") == b"true"
        except OSError:
            return False

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.api + path, data, {"Content-Type": "application/json"}, method=method)
        while True:  # with SQLite it answers 503 while the database is locked: its own client asks again, so do we
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return bytes(answer.read())
            except urllib.error.HTTPError as refused:
                if refused.code != 503 or path == "/health":
                    raise

    def call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.python.with_name(program), *arguments], env=self.environment, check=True, capture_output=True
        )

    def start(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [self.python.with_name(program), *arguments], env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

        def end() -> None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

        self.stack.callback(end)
        return process
