"""RayTaskRunner, on a real local cluster of two processors."""

import pytest

from homeport.task_runners import RayTaskRunner
from tests.conformance.task_runner_suite import TaskRunnerSuite

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


class TestRay(TaskRunnerSuite):
    @pytest.fixture
    def runner(self, cluster):
        return RayTaskRunner()
