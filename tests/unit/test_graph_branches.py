"""Branches, resources, filters, and pieces of graphs that are mapped as a whole."""

import pytest

from homeport import (
    Flow,
    Parameter,
    apply_map,
    case,
    ifelse,
    merge,
    pause_task,
    resource_manager,
    switch,
    task,
    triggers,
    unmapped,
)
from homeport.tasks.control_flow import FilterTask


@task
def number(value=1):
    return value


@task
def double(value):
    return value * 2


@task
def fail_on(value, bad=1):
    if value == bad:
        raise ValueError("bad")
    return value


def name_of(state, made):
    return type(state.result[made]).__name__


def test_case_runs_only_the_branch_whose_value_the_result_has():
    with Flow("case") as flow:
        answer = Parameter("answer")
        with case(answer, "yes"):
            yes = number(1)
            behind = double(yes)
        with case(answer, "no"):
            no = number(2)
    state = flow.run(answer="yes")

    assert [name_of(state, one) for one in (yes, behind, no)] == ["Success", "Success", "Skipped"]
    assert state.result[behind].result == 2


def test_a_case_in_a_case_needs_both():
    with Flow("nested") as flow:
        left, right = Parameter("left"), Parameter("right")
        with case(left, 1), case(right, 1):
            both = number()

    assert name_of(flow.run(left=1, right=1), both) == "Success"
    assert name_of(flow.run(left=1, right=2), both) == "Skipped"
    assert name_of(flow.run(left=2, right=1), both) == "Skipped"


def test_merge_takes_the_result_of_the_branch_that_ran():
    with Flow("merge") as flow:
        size = Parameter("size")
        with case(size, "small"):
            small = number(1)
        with case(size, "large"):
            large = number(100)
        taken = merge(small, large)
        total = double(taken)

    assert flow.run(size="large").result[total].result == 200
    assert flow.run(size="small").result[total].result == 2
    assert name_of(flow.run(size="other"), total) == "Skipped"


def test_switch_and_ifelse_choose_among_tasks():
    with Flow("switch") as flow:
        kind = Parameter("kind")
        tasks = {"a": number(1), "b": number(2)}
        switch(kind, tasks)
        filled = number(3)
        ifelse(kind, filled, None)
    state = flow.run(kind="b")

    assert [name_of(state, one) for one in (*tasks.values(), filled)] == ["Skipped", "Success", "Success"]
    assert name_of(flow.run(kind=""), filled) == "Skipped"


def test_a_case_that_compares_with_a_task_is_refused_with_the_mend():
    with Flow("case"), pytest.raises(TypeError, match="is_equal"):
        case(number(), number())
    with pytest.raises(ValueError, match="belongs in a `with Flow"), case(number, 1):
        pass


def test_filter_task_leaves_out_what_failed():
    with Flow("filter") as flow:
        kept = FilterTask()(fail_on.map([0, 1, 2]))
        small = FilterTask(filter_func=lambda value: not isinstance(value, Exception) and value < 2)([0, 1, 2])
    state = flow.run()

    assert state.result[kept].result == [0, 2]
    assert state.result[small].result == [0, 1]


def resource(log, *, broken=False):
    @resource_manager
    class Cluster:
        def __init__(self, size):
            self.size = size

        def setup(self):
            if broken:
                raise OSError("no room")
            log.append(f"up {self.size}")
            return {"size": self.size}

        def cleanup(self, cluster):
            log.append(f"down {cluster['size']}")

    return Cluster


def test_a_resource_is_set_up_before_and_cleaned_up_after_the_tasks_of_its_block():
    log = []
    with Flow("resource") as flow:
        with resource(log)(Parameter("size", default=4)) as cluster:
            task(lambda cluster: log.append(f"use {cluster['size']}"), name="use")(cluster)
            task(lambda: log.append("also"), name="also")()
        task(lambda: log.append("outside"), name="outside")()

    assert flow.run().is_successful()
    assert log == ["up 4", "use 4", "also", "down 4", "outside"]


def test_a_resource_is_cleaned_up_though_its_tasks_failed_and_the_flow_fails_by_them():
    log = []
    with Flow("resource") as flow, resource(log)(1) as cluster:
        failed = task(lambda cluster: 1 / 0, name="fails")(cluster)
    state = flow.run()

    assert log == ["up 1", "down 1"]
    assert state.is_failed()
    assert flow.reference_tasks() == {failed}


def test_a_resource_that_was_not_set_up_is_not_cleaned_up():
    log = []
    with Flow("resource") as flow, resource(log, broken=True)(1) as cluster:
        used = number(cluster)
    state = flow.run()

    assert log == []
    assert name_of(state, used) == "TriggerFailed"


def test_a_resource_in_a_case_that_is_not_taken_is_not_set_up():
    log = []
    with Flow("resource") as flow, case(Parameter("wanted"), True), resource(log)(1) as cluster:
        number(cluster)

    assert flow.run(wanted=False).is_successful()
    assert log == []


def test_a_resource_manager_needs_both_methods():
    with pytest.raises(TypeError, match=r"'Half' has no cleanup\(\)"):

        @resource_manager
        class Half:
            def setup(self):
                return 1


def test_apply_map_maps_all_tasks_of_a_function():
    def piece(value, factor):
        doubled = double(value)
        with case(task(lambda n: n > 2, name="large")(doubled), True):
            large = task(lambda n, factor: n * factor, name="times")(doubled, factor)
        return merge(large, doubled)

    with Flow("apply") as flow:
        ended = apply_map(piece, [1, 2, 3], factor=unmapped(10))
        total = task(sum)(ended)
    state = flow.run()

    assert state.result[ended].result == [2, 40, 60]
    assert state.result[total].result == 102


def test_apply_map_makes_lists_for_each_call():
    def piece(left, right):
        return task(sum)([left, double(right)])

    with Flow("apply") as flow:
        sums = apply_map(piece, number.map([1, 2]), [10, 20])

    assert flow.run().result[sums].result == [21, 42]


def test_apply_map_without_anything_to_map_over_is_refused():
    with Flow("apply"), pytest.raises(TypeError, match="nothing to map over"):
        apply_map(lambda value: double(value), unmapped(1))


def test_switch_in_maps_is_decided_call_by_call():
    with Flow("mapped") as flow:
        kinds = number.map(["a", "b", "a"])
        letters = task(lambda kind: kind.upper(), name="upper").map(kinds)
        switch(kinds, {"a": letters}, mapped=True)
    state = flow.run()

    assert [type(one).__name__ for one in state.result[letters].map_states] == ["Success", "Skipped", "Success"]


def test_pause_task_pauses_the_task_that_calls_it():
    @task
    def careful():
        pause_task("look first")

    with Flow("pause") as flow:
        made = careful()

    assert (name_of(flow.run(), made), flow.run().result[made].message) == ("Paused", "look first")


def test_a_merge_that_runs_after_failures_is_a_matter_of_its_trigger():
    with Flow("merge") as flow:
        made = merge(fail_on(1), number(7), trigger=triggers.all_finished)

    assert isinstance(flow.run().result[made].result, ValueError)


def test_a_map_over_nothing_on_a_way_that_is_not_taken_is_skipped_and_so_is_what_follows():
    @task
    def elements():
        return []

    with Flow("till") as flow:
        found = elements()
        with case(found, "never"):
            doubled = double.map(found)
            last = number(doubled)

    state = flow.run()

    assert [name_of(state, made) for made in (doubled, last)] == ["Skipped", "Skipped"]


def test_a_map_over_nothing_behind_a_failure_is_not_successful():
    with Flow("behind") as flow:
        failed = fail_on(1)
        doubled = double.map([], upstream_tasks=[unmapped(failed)])

    state = flow.run()

    assert name_of(state, doubled) == "TriggerFailed"
