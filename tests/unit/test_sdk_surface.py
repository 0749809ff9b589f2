"""What users import and type: names, spellings, descriptions of infrastructure and storage."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import homeport
from homeport import Flow, Task, flow, run_configs, storage, tags, task
from homeport.engine.run_names import made_up_name
from homeport.executors import LocalDaskExecutor
from homeport.states import Completed, Failed, Pending
from homeport.task_runners import ConcurrentTaskRunner, ProcessTaskRunner, SequentialTaskRunner


def imported_by(statement):
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=30, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_homeport_imports_none_of_its_parts():
    modules = imported_by("import homeport")

    assert not {name for name in modules if name.startswith("homeport.")}


def test_flows_and_tasks_need_no_heavy_imports():
    modules = imported_by("import homeport; homeport.flow, homeport.task, homeport.Flow; import homeport.engine.run")

    assert not modules & {"asyncio", "pydantic", "httpx", "rich", "click"}


@pytest.mark.parametrize("name", homeport.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(homeport, name) is not None
    assert name in dir(homeport)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Flwo'"):
        homeport.Flwo  # noqa: B018


MODULES = """
    caching context engine.cache_validators engine.results engine.serializers engine.signals engine.state executors
    results serializers futures run_configs states storage task_runners tasks testing triggers
"""


@pytest.mark.parametrize("module", MODULES.split())
def test_the_module_paths_that_people_import_from_exist(module):
    __import__(f"homeport.{module}")


def test_the_1x_spellings_of_task_options_mean_the_2x_ones():
    older = task(max_retries=2, retry_delay=timedelta(seconds=3), timeout=9, log_stdout=True)(print)

    assert (older.retries, older.retry_delay_seconds) == (2, 3.0)
    assert (older.timeout_seconds, older.log_prints) == (9.0, True)


def test_an_option_that_this_version_does_not_have_is_refused_and_not_ignored():
    with pytest.raises(TypeError, match="no argument 'cache_policy' in this version"):
        task(cache_policy=None)(print)
    with pytest.raises(TypeError, match="no argument 'result_storage_key' in this version"):
        flow(result_storage_key="x")
    with pytest.raises(TypeError, match="Did you mean 'retries'"):
        task(retires=1)(print)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (
            lambda: Flow("etl", zebra=[print]),
            "flow 'etl' has no argument 'zebra'.*takes: .*executor",
        ),
        (lambda: Flow("etl", nmae="x", on_failure=print), "flow 'etl' has no argument 'nmae'.*you mean 'name'"),
        (lambda: flow(zebra=[print]), "@flow has no argument 'zebra'.*takes: .*task_runner"),
        (lambda: flow(print).with_options(retires=1), "@flow has no argument 'retires'.*you mean 'retries'"),
    ],
)
def test_a_flow_names_the_argument_that_it_does_not_take_as_a_task_does(make, named):
    with pytest.raises(TypeError, match=named):
        make()


def test_both_spellings_at_once_are_refused():
    with pytest.raises(TypeError, match="twice"):
        task(print).with_options(max_retries=1, retries=2)
    with pytest.raises(TypeError, match="twice"):
        task(max_retries=1, retries=2)(print)


def test_a_task_class_that_forgets_the_init_of_its_parent_is_still_a_task():
    class Forgetful(Task):
        def __init__(self, path):
            self.path = path

        def run(self):
            return self.path

    with Flow("forgetful") as forgetful:
        result = Forgetful("x")()

    assert forgetful.run().result[result].result == "x"


def test_tags_are_on_every_task_made_in_the_block():
    with tags("db", "slow"):
        tagged = task(tags=["own"])(print)

    assert tagged.tags == {"db", "slow", "own"}


def test_the_name_of_a_flow_is_that_of_its_function_with_dashes():
    @flow
    def my_first_flow():
        """Do it.

        Twice.
        """

    assert (my_first_flow.name, my_first_flow.description) == ("my-first-flow", "Do it.\n\nTwice.")
    assert my_first_flow.with_options(name="other", on_lost="retry").on_lost == "retry"
    assert my_first_flow.on_lost == "crash"


def test_a_flow_knows_the_file_it_was_defined_in_and_that_a_shell_is_none():
    names: dict[str, object] = {"flow": flow, "Flow": Flow}
    exec(compile("@flow\ndef typed(): ...\ngraph = Flow('graph')", "<stdin>", "exec"), names)

    assert Flow("here").entrypoint_file == Path(__file__)
    assert names["typed"].entrypoint_file is None
    assert names["graph"].entrypoint_file is None


@pytest.mark.parametrize("wrong", ["", None, 5])
def test_a_flow_needs_a_name(wrong):
    with pytest.raises(ValueError, match="needs a name"):
        Flow(wrong)


def test_on_lost_is_one_of_three():
    with pytest.raises(ValueError, match="'crash', 'retry' or 'hold'"):
        flow(on_lost="ignore")(lambda: None)


def test_labels_come_from_the_run_config():
    labelled = Flow("labelled", run_config=run_configs.KubernetesRun(labels=["k8s", "a"], image="x:1", cpu_limit=2))

    assert labelled.labels == ["a", "k8s"]
    assert labelled.run_config_dict() == {
        "kind": "kubernetes", "env": {}, "labels": ["a", "k8s"], "image": "x:1", "cpu_limit": 2,
    }  # fmt: skip
    assert Flow("plain").run_config_dict() is None


def test_a_run_config_refuses_what_it_could_not_do():
    with pytest.raises(ValueError, match=r"working_dir .* absolute path"):
        run_configs.LocalRun(working_dir="data")
    with pytest.raises(ValueError, match="'A=B' in `env`"):
        run_configs.UniversalRun(env={"A=B": "1"})
    with pytest.raises(TypeError, match="imge"):
        run_configs.RunConfig(imge="x")


@pytest.mark.parametrize("kind", ["UniversalRun", "LocalRun", "DockerRun", "KubernetesRun", "ECSRun"])
def test_every_run_config_has_labels_and_environment(kind):
    described = getattr(run_configs, kind)(labels=["a"], env={"X": "1"}).to_dict()

    assert (described["labels"], described["env"]) == (["a"], {"X": "1"})


def test_storages_describe_themselves_without_what_was_not_given():
    assert storage.Local("/data").to_dict() == {"kind": "folder", "path": "/data"}
    assert storage.Docker(registry_url="r.azurecr.io", image_name="flows").to_dict() == {
        "kind": "docker", "registry_url": "r.azurecr.io", "image_name": "flows",
    }  # fmt: skip


def test_executors_say_how_many_tasks_run_at_once():
    assert LocalDaskExecutor(num_workers=4).task_runner() == ConcurrentTaskRunner(4)
    assert LocalDaskExecutor("processes", 2).task_runner() == ProcessTaskRunner(2)
    assert LocalDaskExecutor("sync").task_runner() == SequentialTaskRunner()
    with pytest.raises(ValueError, match='Use "threads", "processes" or "sync"'):
        LocalDaskExecutor(scheduler="distributed")
    with pytest.raises(ValueError, match="1 or more"):
        ConcurrentTaskRunner(max_workers=0)


def test_a_state_gives_its_result_or_raises_its_exception():
    error = KeyError("x")

    assert Completed(data=3).result() == 3
    assert Failed(data=error).result(raise_on_failure=False) is error
    with pytest.raises(KeyError):
        Failed(data=error).result()
    with pytest.raises(Exception, match="out of reach"):
        Failed("out of reach").result()
    with pytest.raises(RuntimeError, match="not finished"):
        Pending().result()


def test_made_up_names_are_two_words():
    assert len(made_up_name().split("-")) == 2
