"""DaskTaskRunner, on a real local cluster of two worker processes."""

import os

import distributed
import psutil
import pytest

from homeport import Flow, flow, task, unmapped
from homeport.executors import DaskExecutor
from homeport.task_runners import DaskTaskRunner
from homeport.testing import try_run
from tests.conformance.task_runner_suite import InParallel, TaskRunnerSuite, WithWorkers
from tests.services.waiting import eventually


@pytest.fixture(scope="module")
def cluster():
    import dask

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, dashboard_address=":0", silence_logs="CRITICAL"
        )
    yield cluster
    cluster.close()


class TestDask(InParallel, WithWorkers, TaskRunnerSuite):
    kills_alone = False

    @pytest.fixture
    def runner(self, cluster):
        return DaskTaskRunner(address=cluster.scheduler_address)


@task
def worker():
    return os.getpid()


def test_a_cluster_that_was_made_for_the_run_ends_with_it():
    @flow(task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1}))
    def program():
        return [future.result() for future in [worker.submit() for _ in range(8)]]

    workers = set(try_run(program).state.result())

    assert os.getpid() not in workers
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in workers), what="the workers ended", within=10)


def test_a_cluster_class_is_named_or_given_and_scales_by_itself():
    runner = DaskTaskRunner(
        cluster_class="distributed.LocalCluster",
        cluster_kwargs={"n_workers": 0, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": "CRITICAL"},
        adapt_kwargs={"minimum": 0, "maximum": 1},
    )

    @flow(task_runner=runner)
    def program():
        return worker.submit().result()

    assert try_run(program).state.result() != os.getpid()


def test_a_cluster_object_is_used_and_left_alone(cluster):
    @flow(task_runner=DaskTaskRunner(cluster))
    def program():
        return worker.submit().result()

    assert try_run(program).state.result() != os.getpid()
    assert cluster.status.name == "running"


def test_an_address_where_nobody_is_crashes_the_tasks_and_is_named():
    @flow(task_runner=DaskTaskRunner(address="tcp://127.0.0.1:9", client_kwargs={"timeout": 0.5}))
    def program():
        return worker.submit().wait().message

    message = try_run(program).state.result()

    assert "Task 'worker' could not run: Dask is not available" in message
    assert "127.0.0.1:9" in message


def test_a_thousand_short_tasks_travel_in_groups(cluster):
    @task
    def counted(number):
        return number

    @flow(task_runner=DaskTaskRunner(address=cluster.scheduler_address))
    def program():
        return len(set(counted.map(range(1000)).result()))

    with distributed.Client(cluster, set_as_default=False) as client:
        client.get_task_stream()  # from here on it is kept
        state = try_run(program).state
        groups = len(client.get_task_stream())

    assert state.result() == 1000
    assert 0 < groups < 300


def test_a_large_constant_is_kept_by_the_cluster(cluster):
    table = list(range(100_000))

    @task
    def look_up(index, table):
        return table[index]

    @flow(task_runner=DaskTaskRunner(address=cluster.scheduler_address))
    def program():
        return look_up.map(range(20), unmapped(table)).result()

    assert try_run(program).state.result() == list(range(20))


def test_a_graph_flow_runs_on_dask(cluster):
    with Flow("graph", executor=DaskExecutor(address=cluster.scheduler_address)) as graph:
        found = worker()

    state = graph.run()

    assert state.result[found].result != os.getpid()
