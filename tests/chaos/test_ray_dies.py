"""A Ray cluster whose head goes away in the middle of a run: the run ends, and says what was lost."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.services.control_plane import free_port
from tests.services.waiting import eventually

pytestmark = pytest.mark.chaos

# No token of another cluster of this user's is found, and none is left.
ENVIRONMENT = {**os.environ, "RAY_AUTH_MODE": "disabled"}


@pytest.fixture
def ray_head():
    """The address of a cluster of two processors, and the process of its head."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:  # sockets: short
        command = f"start --head --port {port} --num-cpus 2 --include-dashboard false --block --temp-dir {folder}"
        with (Path(folder) / "start.log").open("wb") as log:
            node = subprocess.Popen(
                [str(Path(sys.executable).with_name("ray")), *command.split(), "--disable-usage-stats"],
                env=ENVIRONMENT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield f"127.0.0.1:{port}", eventually(lambda: _head_of(node, port), what="the head listens", within=60)
        finally:
            os.killpg(node.pid, signal.SIGKILL)
            node.wait(30)


def _head_of(node: "subprocess.Popen[bytes]", port: int) -> int | None:
    for process in psutil.Process(node.pid).children(recursive=True):
        if process.name().startswith("gcs_server"):
            listening = [c.laddr.port for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
            return process.pid if port in listening else None
    return None


def test_a_head_that_is_killed_crashes_the_tasks_and_the_run_ends_with_their_story(ray_head, tmp_path):
    address, head = ray_head

    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos.flow_on_ray", address, str(head), str(tmp_path)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )

    assert run.returncode == 0, run.stderr[-2000:]
    told = json.loads(run.stdout.strip().splitlines()[-1])
    *lost, later = told["tasks"]
    assert len(lost) == 3
    for name, message in [*lost, later]:
        assert name == "Crashed", message
    assert all("Task 'waits' lost its Ray worker" in message for _, message in lost)
    assert "Task 'comes_later' could not run: Ray is not available" in later[1]
    assert told["run"] != "COMPLETED"
