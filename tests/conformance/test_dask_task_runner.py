"""DaskTaskRunner, on a real local cluster of two worker processes."""

import pytest

from homeport.task_runners import DaskTaskRunner
from tests.conformance.task_runner_suite import TaskRunnerSuite

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    import dask

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, dashboard_address=":0", silence_logs="CRITICAL"
        )
    yield cluster
    cluster.close()


class TestDask(TaskRunnerSuite):
    @pytest.fixture
    def runner(self, cluster):
        return DaskTaskRunner(address=cluster.scheduler_address)
