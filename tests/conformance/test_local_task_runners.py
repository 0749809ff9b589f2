"""The task runners that need nothing but this machine and the base install."""

import pytest

from homeport.task_runners import AsyncTaskRunner, ConcurrentTaskRunner, ProcessTaskRunner, SequentialTaskRunner
from tests.conformance.task_runner_suite import InParallel, TaskRunnerSuite, WithWorkers


class TestSequential(TaskRunnerSuite):
    elsewhere = False

    @pytest.fixture
    def runner(self):
        return SequentialTaskRunner()


class TestConcurrent(InParallel, TaskRunnerSuite):
    elsewhere = False

    @pytest.fixture
    def runner(self):
        return ConcurrentTaskRunner(max_workers=4)


class TestAsync(InParallel, TaskRunnerSuite):
    elsewhere = False

    @pytest.fixture
    def runner(self):
        return AsyncTaskRunner(max_workers=4)


class TestProcesses(InParallel, WithWorkers, TaskRunnerSuite):
    @pytest.fixture
    def runner(self):
        return ProcessTaskRunner(max_workers=2)
