"""`homeport.runtime.flow_run`, `.task_run`, `.deployment`: the run, read from inside; errors by their known names."""

import pytest

from homeport import exceptions, flow, task
from homeport.logging import get_logger
from homeport.runtime import deployment, flow_run, task_run


def test_a_flow_reads_about_its_run():
    @flow
    def tells(number: int):
        return flow_run.flow_name, flow_run.parameters, bool(flow_run.id), flow_run.name, deployment.name

    name, parameters, has_id, run_name, deployed_as = tells(3)

    assert (name, parameters, has_id) == ("tells", {"number": 3}, True)
    assert run_name
    assert not deployed_as


def test_a_task_reads_about_its_run():
    @task(retries=1)
    def tells(number):
        if task_run.run_count == 1:
            raise ValueError("once")
        return task_run.task_name, task_run.name, task_run.map_index, task_run.run_count

    @flow
    def all_of_them():
        return tells.map([1, 2])

    assert all_of_them()[1] == ("tells", "tells-1", 1, 2)


def test_outside_a_run_there_is_nothing_to_read():
    assert (flow_run.id, task_run.id, deployment.name) == (None, None, None)


@pytest.mark.parametrize("module", [flow_run, task_run, deployment])
def test_a_name_that_is_not_there_is_told_with_those_that_are(module):
    with pytest.raises(AttributeError, match="it has: "):
        _ = module.nonsense


def test_maps_of_unequal_length_are_caught_by_the_name_of_before():
    @task
    def add(x, y):
        return x + y

    @flow
    def uneven():
        add.map([1, 2], [1])

    with pytest.raises(exceptions.MappingLengthMismatch):
        uneven()


def test_a_wrong_parameter_is_caught_by_the_name_of_before():
    @flow
    def counts(number: int):
        pass

    with pytest.raises(exceptions.ParameterTypeError):
        counts("many")


def test_a_logger_of_ours_is_below_homeport():
    assert get_logger("mine").name == "homeport.mine"
