"""Flows as graphs, built in a `with Flow` block, and what `flow.run()` gives back."""

import inspect

import pytest

import homeport
from homeport import Flow, Parameter, Task, flow, task, triggers, unmapped
from homeport.engine import signals
from homeport.engine.graph import CyclicGraph
from homeport.executors import LocalDaskExecutor


@task
def number():
    return 3


@task
def add(left, right=1):
    return left + right


@task
def fail():
    raise ValueError("no")


class Extract(Task):
    def run(self, many):
        return {"results": list(range(many)), "logger": homeport.context.get("logger") is not None}


def test_tasks_called_in_the_block_run_when_the_flow_runs():
    with Flow("sum") as summing:
        total = add(number(), 4)

    state = summing.run()

    assert state.is_successful()
    assert state.result[total].result == 7


def test_a_task_as_a_class_has_its_run_method_called_with_its_inputs():
    with Flow("extract") as extracting:
        page = Extract()(many=2)

    assert extracting.run().result[page].result == {"results": [0, 1], "logger": True}


def test_indexing_a_result_makes_a_task_that_can_be_mapped_over():
    with Flow("map") as mapping:
        added = add.map(Extract()(3)["results"], right=unmapped(10))
        total = task(sum)(added)

    state = mapping.run()

    assert state.result[added].result == [10, 11, 12]
    assert [child.name for child in state.result[added].map_states] == ["Completed"] * 3
    assert state.result[total].result == 33


def test_operators_make_tasks():
    with Flow("operators") as calculating:
        three = number()
        results = [three + 1, 10 - three, three * 2, three > 2, three.is_equal(3), three / 2]

    state = calculating.run()

    assert [state.result[one].result for one in results] == [4, 7, 6, True, True, 1.5]


def test_parameters_have_defaults_and_are_given_by_name():
    with Flow("parameters") as asking:
        total = add(Parameter("left"), Parameter("right", default=5))

    assert asking.run(left=1).result[total].result == 6
    assert asking.run(parameters={"left": 1, "right": 2}).result[total].result == 3


def test_missing_and_unknown_parameters_are_named():
    with Flow("parameters") as asking:
        add(Parameter("left"))

    with pytest.raises(ValueError, match=r"rigth: there is no such parameter; left: a value is required"):
        asking.run(rigth=1)


def test_the_schema_of_parameters_says_defaults_and_what_is_required():
    with Flow("parameters") as asking:
        add(Parameter("left"), Parameter("right", default=[5]))

    schema = asking.parameter_schema()

    assert schema["required"] == ["left"]
    assert schema["properties"]["right"]["default"] == [5]
    assert schema["additionalProperties"] is False


def test_upstream_tasks_set_upstream_and_chain_order_tasks_without_data():
    order = []

    @task
    def note(name):
        order.append(name)

    with Flow("order") as ordered:
        last = note("last")
        first = note("first")
        second = note("second", upstream_tasks=first)
        last.set_upstream(second)

    ordered.run()

    assert order == ["first", "second", "last"]


def test_edges_can_be_made_outside_the_block():
    three, total = task(lambda: 3, name="three"), task(lambda x: x + 1, name="total")
    built = Flow("edges")
    built.add_edge(three, total, key="x")

    state = built.run()

    assert state.result[total].result == 4


def test_a_failed_task_stops_those_behind_it_and_fails_the_flow():
    with Flow("broken") as broken:
        failed = fail()
        behind = add(failed)

    state = broken.run()

    assert state.is_failed()
    assert isinstance(state.result[failed].result, ValueError)
    assert state.result[behind].name == "TriggerFailed"


def test_a_trigger_lets_a_task_run_after_a_failure():
    @task(trigger=triggers.any_failed)
    def mend():
        return "mended"

    with Flow("mending") as mending:
        mended = mend(upstream_tasks=[fail()])

    state = mending.run()

    assert state.is_successful()
    assert state.result[mended].result == "mended"


def test_a_trigger_of_ones_own_is_a_function_of_the_states():
    def most(upstream_states):
        return sum(state.is_successful() for state in upstream_states.values()) >= 2

    with Flow("own") as own:
        reached = task(lambda: "reached", name="reached", trigger=most)(upstream_tasks=[fail(), number(), number()])

    assert own.run().result[reached].result == "reached"


def test_reference_tasks_decide_whether_the_flow_succeeded():
    with Flow("judged") as judged:
        failed = fail()
        number(upstream_tasks=[])
        cleaned = task(lambda: 1, name="clean", trigger=triggers.always_run)(upstream_tasks=[failed])

    assert judged.run().is_successful()
    judged.set_reference_tasks([failed])
    assert judged.run().is_failed()
    assert judged.run().result[cleaned].is_successful()


def test_what_is_behind_a_skipped_task_is_skipped_unless_it_says_otherwise():
    @task
    def skip():
        raise signals.SKIP("nothing new")

    @task(skip_on_upstream_skip=False)
    def anyway(before):
        return before

    with Flow("skipping") as skipping:
        skipped = skip()
        behind = add(skipped)
        ran = anyway(skipped)

    state = skipping.run()

    assert state.is_successful()
    assert state.result[behind].is_skipped()
    assert state.result[ran].result is None


def test_nout_unpacks_the_result_of_a_task():
    @task(nout=2)
    def pair():
        return 1, 2

    with Flow("unpack") as unpacking:
        left, right = pair()
        total = add(left, right)

    assert unpacking.run().result[total].result == 3


def test_unpacking_without_nout_says_what_to_do():
    with Flow("unpack"), pytest.raises(TypeError, match=r"@task\(nout=2\)"):
        _left, _right = number()


def test_the_graph_is_known_before_the_flow_runs():
    with Flow("known") as known:
        page = Extract()(Parameter("many", default=2))
        add.map(page["results"])
        number()
        number()

    assert known.graph() == {
        "nodes": [
            {"key": "Extract", "name": "Extract", "mapped": False},
            {"key": "Extract['results']", "name": "Extract['results']", "mapped": False},
            {"key": "add", "name": "add", "mapped": True},
            {"key": "number", "name": "number", "mapped": False},
            {"key": "number-2", "name": "number", "mapped": False},
        ],
        "edges": [["Extract", "Extract['results']"], ["Extract['results']", "add"]],
    }


def test_run_inside_the_block_names_the_line_and_the_mend():
    with Flow("inside") as inside:
        number()
        line = inspect.currentframe().f_lineno + 2
        with pytest.raises(RuntimeError, match="unindent it") as refused:
            inside.run()

    assert f"test_engine_graph.py, line {line}" in str(refused.value)


def test_arguments_that_a_task_does_not_take_are_refused_while_the_flow_is_built():
    with Flow("wrong"), pytest.raises(TypeError, match=r"Task 'add'.*'middle'"):
        add(1, middle=2)


def test_tasks_in_a_circle_are_named():
    with Flow("circle") as circle:
        first, second = number(), number()
        first.set_upstream(second)
        second.set_upstream(first)

    with pytest.raises(CyclicGraph, match="number → number-2 → number"):
        circle.nodes.in_order()


def test_a_chain_of_5000_tasks_runs():
    with Flow("chain") as chain:
        last = number()
        for _ in range(4_999):
            last = add(last)

    assert chain.run().result[last].result == 5_002


def test_tasks_of_a_graph_run_at_the_same_time_with_local_dask():
    import threading

    together = threading.Barrier(3)
    with Flow("party", executor=LocalDaskExecutor(num_workers=3)) as party:
        for index in range(3):
            task(lambda: together.wait(10), name=f"guest-{index}")()

    assert party.run().is_successful()


def test_a_map_that_waits_for_its_input_does_not_hold_up_what_does_not_need_it():
    import threading

    other_ran = threading.Event()

    @task
    def slow():
        return [1, 2] if other_ran.wait(10) else []

    with Flow("branches", executor=LocalDaskExecutor(num_workers=3)) as branches:
        mapped = add.map(slow())
        total = task(sum)(mapped)
        task(other_ran.set, name="other")()

    state = branches.run()

    assert state.result[mapped].result == [2, 3]
    assert state.result[total].result == 5


def test_options_of_one_node_are_given_by_task_args():
    with Flow("named") as named:
        add(1, task_args={"name": "renamed", "slug": "special"})
        add(1)

    assert [node["key"] for node in named.graph()["nodes"]] == ["special", "add"]


def test_two_parameters_of_one_name_are_refused():
    with Flow("twice"), pytest.raises(ValueError, match="has a parameter 'x' already"):
        Parameter("x"), Parameter("x")


def test_operators_in_a_run_say_that_the_task_was_not_called():
    with pytest.raises(TypeError, match="is a task, not its result"):
        number["results"]


def test_a_graph_flow_called_in_a_function_flow_is_its_subflow():
    with Flow("inner") as inner:
        total = add(number())

    @flow
    def outer():
        return inner().result[total].result

    assert outer() == 4


def test_a_map_over_a_dict_is_refused_while_the_graph_is_built():
    with pytest.raises(TypeError, match=r'argument 1\["results"\]'), Flow("map"):
        add.map({"results": [1, 2]})
