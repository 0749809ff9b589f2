"""RayTaskRunner, on a real local cluster of two processors."""

import os
import subprocess
import sys

import pytest
import ray

from homeport import flow, task, unmapped
from homeport.task_runners import RayTaskRunner
from homeport.testing import try_run
from tests.conformance.task_runner_suite import InParallel, TaskRunnerSuite, WithWorkers


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


class TestRay(InParallel, WithWorkers, TaskRunnerSuite):
    @pytest.fixture
    def runner(self, cluster):
        return RayTaskRunner()


@task
def worker():
    return os.getpid()


def test_a_connection_that_was_there_is_used_and_stays(cluster):
    @flow(task_runner=RayTaskRunner)
    def program():
        return worker.submit().result()

    assert try_run(program).state.result() != os.getpid()
    assert ray.is_initialized()


def test_options_of_ray_tasks_are_handed_on(cluster):
    @flow(task_runner=RayTaskRunner(remote_options={"num_cpus": 0.5, "runtime_env": {"env_vars": {"OWN": "there"}}}))
    def program():
        return variable.submit().result()

    @task
    def variable():
        return os.environ.get("OWN")

    assert try_run(program).state.result() == "there"


def test_a_large_constant_is_kept_by_the_cluster(cluster):
    table = list(range(100_000))

    @task
    def look_up(index, table):
        return table[index]

    @flow(task_runner=RayTaskRunner())
    def program():
        return look_up.map(range(20), unmapped(table)).result()

    assert try_run(program).state.result() == list(range(20))


PROGRAM = """
from homeport import flow, task
from homeport.task_runners import RayTaskRunner

@task
def double(number):
    return 2 * number

@flow(task_runner=RayTaskRunner(init_kwargs={"num_cpus": 1}))
def program():
    return sum(double.map(range(100)).result())

if __name__ == "__main__":
    print([program() for _ in range(2)])
"""


def test_a_program_may_make_and_end_one_cluster_after_the_other(tmp_path):
    # Ray ends the process when a thread of its own comes back from us after a shutdown: none may be with us then.
    (tmp_path / "program.py").write_text(PROGRAM)

    ended = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "[9900, 9900]"


CANCELLED = """
import os, signal, sys, threading, time
from pathlib import Path
import ray
from homeport import flow, task
from homeport.engine.cancellation import RunCancelled
from homeport.task_runners import RayTaskRunner
from homeport.testing import try_run

@task
def yields():
    Path("begun").touch()
    try:
        while True:
            time.sleep(0.005)
    finally:
        Path("cleaned").touch()

@task
def refuses():
    Path("pid").write_text(str(os.getpid()))
    while True:
        try:
            time.sleep(0.005)
        except KeyboardInterrupt:
            continue

@flow(task_runner=RayTaskRunner)
def program():
    yields.submit()
    refuses.submit()
    while not (Path("begun").exists() and Path("pid").exists() and Path("pid").read_text()):
        time.sleep(0.01)
    threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()
    threading.Event().wait(30)

def cancel(number, frame):
    raise RunCancelled("Asked to stop.")

if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    signal.signal(signal.SIGTERM, cancel)
    print(try_run(program).state.name)
    worker, until = Path("/proc", Path("pid").read_text()), time.monotonic() + 20
    while (worker.exists() or not Path("cleaned").exists()) and time.monotonic() < until:
        time.sleep(0.05)
    print(Path("cleaned").exists(), worker.exists())
    ray.shutdown()
"""


def test_in_a_cluster_that_goes_on_nothing_of_a_cancelled_run_does_even_if_a_script_started_it_by_ampersand(tmp_path):
    (tmp_path / "program.py").write_text(CANCELLED)
    ampersand = ["/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh"]  # what it does to SIGINT

    ended = subprocess.run(
        [*ampersand, sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )

    assert ended.stdout.splitlines() == ["Cancelled", "True False"], ended.stderr
