"""A Dask cluster that goes away in the middle of a run: the run ends, and says of each task what became of it."""

import subprocess
import sys
import threading
import time

import distributed
import pytest

from homeport import flow, task
from homeport.task_runners import DaskTaskRunner
from homeport.testing import try_run
from tests.services.control_plane import free_port
from tests.services.waiting import eventually

pytestmark = pytest.mark.chaos


class DaskProcesses:
    """A scheduler and two workers, each a process of its own, as `dask scheduler` and `dask worker` start them."""

    def __init__(self) -> None:
        self.address = f"tcp://127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        self.scheduler = _started("dask_scheduler", "--host", "127.0.0.1", "--port", port)
        self.workers = [self.start_worker() for _ in range(2)]
        with distributed.Client(self.address, set_as_default=False, timeout=30) as client:
            client.wait_for_workers(2, timeout=30)

    def start_worker(self) -> "subprocess.Popen[bytes]":
        return _started("dask_worker", self.address, "--nthreads", "1", "--no-nanny")

    def kill_workers(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait(10)

    def close(self) -> None:
        for process in [self.scheduler, *self.workers]:
            process.kill()
            process.wait(10)


def _started(program: str, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments, "--no-dashboard"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def dask():
    processes = DaskProcesses()
    yield processes
    processes.close()


def test_a_scheduler_that_is_killed_crashes_the_tasks_that_wait_for_it_and_those_that_come_later(dask, tmp_path):
    states = []

    @task
    def waits(folder, number):
        (folder / str(number)).touch()
        time.sleep(120)

    @task(retries=2)
    def comes_later():
        return 1

    @flow(task_runner=DaskTaskRunner(address=dask.address, client_kwargs={"timeout": 2}))
    def program():
        futures = [waits.submit(tmp_path, number) for number in range(5)]
        eventually(lambda: len(list(tmp_path.iterdir())) == 2, what="both workers are busy", within=30)
        dask.scheduler.kill()
        states.extend(future.wait() for future in futures)
        states.append(comes_later.submit().wait())

    begun = time.monotonic()
    tried = try_run(program)
    *lost, later = states

    assert {state.name for state in lost} == {"Crashed"}
    for state in lost:
        assert f"Task 'waits' lost its Dask worker: the connection to the scheduler at {dask.address}" in state.message
        assert "whether the call was made is not known" in state.message
        assert "Run the flow again when it is back" in state.message
    assert later.name == "Crashed"
    assert "Task 'comes_later' could not run: Dask is not available" in later.message
    assert dask.address in later.message
    assert {kept.state.type.value for kept in tried.reported.task_runs.values()} == {"CRASHED"}
    assert time.monotonic() - begun < 60


def test_tasks_that_come_while_the_scheduler_is_given_up_all_end(dask, tmp_path):
    states = []

    @task
    def waits(folder):
        (folder / "begun").touch()
        time.sleep(120)

    @task
    def comes(number):
        return number

    @flow(task_runner=DaskTaskRunner(address=dask.address, client_kwargs={"timeout": 1}))
    def program():
        futures = [waits.submit(tmp_path)]
        eventually((tmp_path / "begun").exists, what="the task runs", within=30)
        dask.scheduler.kill()
        until, pause = time.monotonic() + 2.5, threading.Event()  # the client tries for one second, then it closes
        while time.monotonic() < until:
            futures.append(comes.submit(len(futures)))
            pause.wait(0.01)
        states.extend(future.wait() for future in futures)

    begun = time.monotonic()
    tried = try_run(program)

    assert len(states) > 20
    assert {state.type.value for state in states} <= {"CRASHED", "COMPLETED"}
    assert len(tried.reported.task_runs) == len(states)
    assert all(kept.state.is_final() for kept in tried.reported.task_runs.values())
    assert time.monotonic() - begun < 60


def test_a_flow_whose_tasks_crashed_with_the_scheduler_ends_crashed_or_failed_with_their_story(dask, tmp_path):
    @task
    def waits(folder):
        (folder / "begun").touch()
        time.sleep(120)

    @flow(task_runner=DaskTaskRunner(address=dask.address, client_kwargs={"timeout": 2}))
    def program():
        future = waits.submit(tmp_path)
        eventually((tmp_path / "begun").exists, what="the task runs", within=30)
        dask.scheduler.kill()
        return future.result()

    state = try_run(program).state

    assert not state.is_completed()
    assert "Task 'waits' lost its Dask worker" in state.message


def test_a_cluster_that_lost_all_its_workers_is_not_waited_for_for_ever(dask, tmp_path):
    states = []

    @task
    def waits(folder, number):
        (folder / str(number)).touch()
        time.sleep(120)

    @flow(task_runner=DaskTaskRunner(address=dask.address, no_workers_timeout=1.0))
    def program():
        futures = [waits.submit(tmp_path, number) for number in range(5)]
        eventually(lambda: len(list(tmp_path.iterdir())) == 2, what="both workers are busy", within=30)
        dask.kill_workers()
        states.extend(future.wait() for future in futures)

    try_run(program)

    assert {state.name for state in states} == {"Crashed"}
    for state in states:
        assert "Task 'waits' lost its Dask worker" in state.message
    assert any("has had no worker for 1 s" in state.message for state in states)
    assert any("DaskTaskRunner(no_workers_timeout=...)" in state.message for state in states)


def test_tasks_go_on_when_a_worker_comes_in_time(dask):
    dask.kill_workers()

    @task
    def adds(number):
        return number + 1

    @flow(task_runner=DaskTaskRunner(address=dask.address, no_workers_timeout=60.0))
    def program():
        futures = [adds.submit(number) for number in range(3)]
        dask.workers.append(dask.start_worker())
        return [future.result() for future in futures]

    assert try_run(program).state.result() == [1, 2, 3]


def test_a_cancelled_run_ends_although_its_scheduler_is_gone(dask, tmp_path):
    from homeport.engine.cancellation import RunCancelled

    @task
    def waits(folder):
        (folder / "begun").touch()
        time.sleep(120)

    @flow(task_runner=DaskTaskRunner(address=dask.address, client_kwargs={"timeout": 2}))
    def program():
        waits.submit(tmp_path)
        eventually((tmp_path / "begun").exists, what="the task runs", within=30)
        dask.scheduler.kill()
        raise RunCancelled("Asked to stop.")

    begun = time.monotonic()
    tried = try_run(program)

    assert tried.state.is_cancelled()
    assert all(kept.state.is_final() for kept in tried.reported.task_runs.values())
    assert time.monotonic() - begun < 60
