"""What programs of Prefect 1.x and 2.x do beside the main road: by attribute, by context, for one run only."""

import subprocess
import sys

import pytest

import homeport
from homeport import Flow, Parameter, flow, task
from homeport.client import Secret
from homeport.context import FlowRunContext, TaskRunContext, get_run_context
from homeport.engine.parameters import ParameterError
from homeport.exceptions import MissingContextError
from homeport.executors import LocalDaskExecutor, LocalExecutor
from homeport.task_runners import ConcurrentTaskRunner

BY_ATTRIBUTE = [
    "Client",
    "blocks.system.Secret",
    "client.Client",
    "client.Secret",
    "config.load_settings",
    "context.get_run_context",
    "core.edge.Edge",
    "core.flow.Flow",
    "core.parameter.DateTimeParameter",
    "core.task.Task",
    "engine.cache_validators.all_inputs",
    "engine.result.Result",
    "engine.results.LocalResult",
    "engine.serializers.PickleSerializer",
    "engine.signals.SKIP",
    "engine.state.Failed",
    "executors.LocalDaskExecutor",
    "filesystems.S3",
    "logging.get_run_logger",
    "runtime.flow_run.id",
    "runtime.task_run.id",
    "schedules.clocks.CronClock",
    "schedules.filters.is_weekday",
    "states.Completed",
    "tasks.control_flow.merge",
    "tasks.prefect.create_flow_run",
    "tasks.secrets.PrefectSecret",
    "testing.try_run",
    "triggers.all_failed",
    "utilities.edges.unmapped",
    "utilities.logging.get_logger",
    "utilities.tasks.defaults_from_attrs",
]


@task
def where():
    import threading

    return threading.current_thread() is threading.main_thread()


@task
def add(x, y):
    return x + y


def test_after_a_bare_import_the_modules_are_reached_by_attribute():
    program = "import sys, homeport as prefect\nfor path in sys.argv[1:]: eval(f'prefect.{path}')"
    # In one process each finds what another one imported: so the other way round, too.
    for paths in (BY_ATTRIBUTE, BY_ATTRIBUTE[::-1]):
        done = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("path", "said"), [("get_client", "from-prefect.md"), ("config.flows", "HOMEPORT_")])
def test_what_is_not_here_says_where_to_look(path, said):
    with pytest.raises(AttributeError, match=said):
        eval(f"homeport.{path}", {"homeport": homeport})


def test_an_executor_is_given_for_one_run():
    with Flow("once") as once:
        here = where()

    threads = once.run(executor=LocalDaskExecutor())
    own = once.run()

    assert threads.result[here].result is False
    assert own.result[here].result is True
    assert once.executor is None


def test_a_function_flow_takes_an_executor_for_one_run_too():
    @flow
    def once():
        return where.submit().result()

    assert once.run(executor=LocalExecutor()).result() is True
    assert once.run(executor=ConcurrentTaskRunner()).result() is False


def test_a_parameter_of_that_name_stays_a_parameter():
    with Flow("executors") as graph:
        total = add(Parameter("executor"), Parameter("context"))

    @flow
    def function(executor: int, context: int):
        return executor + context

    assert graph.run(executor=1, context=2).result[total].result == 3
    assert function.run(executor=1, context=2).result() == 3


def test_what_is_no_executor_is_refused_and_other_options_are_told_apart_from_parameters():
    with Flow("once") as once:
        where()

    with pytest.raises(TypeError, match=r"its task_runner \(or executor\) is 'threads'"):
        once.run(executor="threads")
    with pytest.raises(ParameterError, match="task_states: there is no such parameter"):
        once.run(task_states={})


def test_the_context_says_what_a_test_sets_in_every_thread_of_the_run():
    @task
    def read():
        return homeport.context.get("mark"), homeport.context.colour, Secret("TOKEN").get(), "mark" in homeport.context

    with Flow("reads", executor=LocalDaskExecutor()) as reads:
        got = read()

    with homeport.context({"mark": 1}, colour="red"), homeport.context(secrets={"TOKEN": "correct-horse"}):
        state = reads.run()
        assert homeport.context["mark"] == 1
        assert homeport.context.to_dict()["colour"] == "red"
    by_run = reads.run(context={"mark": 2, "colour": "blue", "secrets": {"TOKEN": "x1"}})

    assert state.result[got].result == (1, "red", "correct-horse", True)
    assert by_run.result[got].result == (2, "blue", "x1", True)
    assert homeport.context.get("mark") is None
    with pytest.raises(AttributeError, match="has no 'colour'"):
        _ = homeport.context.colour


def test_a_secret_of_the_context_is_masked_in_what_the_run_reports(capsys):
    @flow(log_prints=True)
    def tells():
        print("the token is", Secret("TOKEN").get())

    with homeport.context(secrets={"TOKEN": "battery-staple"}):
        tells()

    shown = capsys.readouterr()
    assert "battery-staple" not in shown.out + shown.err
    assert "the token is ***" in shown.out + shown.err


def test_the_run_context_of_2x_is_that_of_the_task_else_of_the_flow():
    @task
    def in_task():
        context = get_run_context()
        return context.task.name, context.task_run.name, FlowRunContext.get().flow_run.name

    @flow
    def outer(n: int = 3):
        context = get_run_context()
        assert isinstance(context, FlowRunContext)
        assert TaskRunContext.get() is None
        return context.flow.name, context.flow_run.name, context.parameters, in_task.submit().result()

    name, run_name, parameters, (task_name, task_run_name, seen_from_task) = outer()

    assert (name, parameters) == ("outer", {"n": 3})
    assert run_name == seen_from_task
    assert (task_name, task_run_name) == ("in_task", "in_task-0")


def test_outside_a_run_there_is_no_run_context():
    assert FlowRunContext.get() is None
    with pytest.raises(MissingContextError, match="There is no run here"):
        get_run_context()


def test_a_graph_that_fails_names_the_task_at_fault_and_not_those_that_waited_for_it():
    @task
    def broken():
        raise ValueError("no such table")

    with Flow("chain") as chain:
        last = add(add(broken(), 1), 2)

    state = chain.run()

    assert state.message == "Some reference tasks failed: add. The cause is broken: ValueError: no such table"
    assert isinstance(state.result[last], homeport.engine.state.TriggerFailed)
