"""What every task runner must do. A runner subclasses TaskRunnerSuite and gives the fixture `runner`."""

import asyncio
import base64
import contextvars
import logging
import os
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

import homeport
from homeport import Flow, allow_failure, context, flow, get_run_logger, kv, tags, task, unmapped
from homeport.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from homeport.client import NotFoundError
from homeport.context import get as from_context
from homeport.engine import current, signals
from homeport.engine.masking import kept_apart
from homeport.runtime import flow_run, task_run
from homeport.stored_artifacts import read
from homeport.task_runners import SequentialTaskRunner, TaskRunner
from homeport.tasks import task_input_hash
from homeport.testing import answering, try_run
from homeport.triggers import always_run
from homeport.utilities.tasks import pause_task
from homeport.variables import Variable
from tests.services.recorded import Recorder
from tests.services.waiting import eventually

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
colour = contextvars.ContextVar("colour", default="none")


class OwnError(Exception):
    """With more arguments than `args` has, as many people's exceptions are."""

    def __init__(self, code, *, detail):
        super().__init__(f"code {code}: {detail}")
        self.code = code
        self.detail = detail


class HoldsALockError(Exception):
    """Cannot be pickled as it is."""

    def __init__(self, message):
        super().__init__(message)
        self.lock = threading.Lock()


@dataclass
class Point:
    x: int
    y: int


@task
def double(number):
    return 2 * number


@task
def add(one, other):
    return one + other


@task
async def double_async(number):
    await asyncio.sleep(0)
    return 2 * number


@task
def listed():
    return [1, 2]


@task
def yields():
    return (number for number in (1, 2))


@task
def locked():
    return threading.Lock()


@task
def measured_pid():
    return os.getpid()


def tokens_in_memory(begin):
    """How often what begins like this and goes on like a token stands in this process's writable memory."""
    found = 0
    wanted = re.compile(re.escape(begin) + rb"[A-Za-z0-9_-]{12}")
    with Path("/proc/self/maps").open() as maps, Path("/proc/self/mem").open("rb", 0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            first, last = (int(end, 16) for end in span.split("-"))
            if not rights.startswith("rw") or last - first > 1 << 30:
                continue
            try:
                memory.seek(first)
                found += len(wanted.findall(memory.read(last - first)))
            except OSError:
                continue
    return found


class TaskRunnerSuite:
    """Subclass it, give the fixture, and every test here runs on that runner."""

    @pytest.fixture
    def recorder(self, shared_control_plane, monkeypatch) -> Recorder:
        """Runs that the control plane knows. There is no key here, as there is none where an agent's run is."""
        monkeypatch.delenv("HOMEPORT_API_KEY", raising=False)
        monkeypatch.delenv("HOMEPORT_API_URL", raising=False)
        return Recorder(shared_control_plane)

    elsewhere = True
    """Whether tasks run in other processes."""
    ends_sleep = True
    """Whether a cancellation and a timeout end code that does not run Python."""
    kills_alone = True
    """Whether only the task that ran in a killed worker is lost, and not what waited there, too."""
    workers_restart = True
    """Whether a worker that dies takes nothing along but what it did."""

    @pytest.fixture
    def runner(self) -> TaskRunner:
        """The task runner."""
        raise NotImplementedError

    # Results.

    def test_submitted_tasks_return_their_results(self, runner):
        @flow(task_runner=runner)
        def program():
            return [double.submit(number).result() for number in range(3)]

        assert try_run(program).state.result() == [0, 2, 4]

    def test_results_of_any_picklable_type_come_back_whole(self, runner):
        @task
        def returns(value):
            return value

        values = [None, True, 2.5, "text", b"bytes", [1, [2]], {"a": (1, 2)}, {1, 2}, Point(1, 2), 10**40, range(3)]

        @flow(task_runner=runner)
        def program():
            return [future.result() for future in [returns.submit(value) for value in values]]

        assert try_run(program).state.result() == values

    def test_functions_and_classes_defined_in_a_function_travel(self, runner):
        @dataclass
        class Inner:
            number: int

            def doubled(self):
                return Inner(2 * self.number)

        @task
        def use(inner, function):
            return function(inner.doubled().number), inner

        @flow(task_runner=runner)
        def program():
            return use.submit(Inner(4), lambda number: number + 1).result()

        number, back = try_run(program).state.result()
        assert number == 9
        assert type(back) is Inner

    def test_a_task_class_runs_with_its_attributes(self, runner):
        class Multiply(homeport.Task):
            def __init__(self, factor, **options):
                super().__init__(**options)
                self.factor = factor

            def run(self, number):
                return self.factor * number

        three = Multiply(3, name="three")

        @flow(task_runner=runner)
        def program():
            return three.submit(5).result()

        assert try_run(program).state.result() == 15

    # Order and dependencies.

    def test_futures_are_passed_on_inside_containers(self, runner):
        @task
        def total(parts):
            return sum(parts["list"]) + parts["one"] + sum(parts["tuple"])

        @flow(task_runner=runner)
        def program():
            one, two = double.submit(1), double.submit(2)
            return total.submit({"list": [one, two], "one": one, "tuple": (two, 1)}).result()

        assert try_run(program).state.result() == 13

    def test_a_task_waits_for_those_in_wait_for(self, runner, tmp_path):
        @task
        def writes(path):
            time.sleep(0.05)
            Path(path).write_text("here")

        @task
        def reads(path):
            return Path(path).read_text()

        @flow(task_runner=runner)
        def program():
            first = writes.submit(str(tmp_path / "file"))
            return reads.submit(str(tmp_path / "file"), wait_for=[first]).result()

        assert try_run(program).state.result() == "here"

    def test_a_long_chain_and_a_diamond_end(self, runner):
        @flow(task_runner=runner)
        def program():
            future = double.submit(1)
            for _ in range(20):
                future = add.submit(future, 1)
            left, right = add.submit(future, 1), add.submit(future, 2)
            return add.submit(left, right).result()

        assert try_run(program).state.result() == 47

    def test_tasks_run_where_the_runner_says(self, runner):
        @flow(task_runner=runner)
        def program():
            return measured_pid.submit().result()

        assert (try_run(program).state.result() != os.getpid()) == self.elsewhere

    # Maps.

    def test_a_map_keeps_its_order_and_its_constants(self, runner):
        @task
        def joined(number, words, suffix):
            return f"{number}{words['a']}{suffix}"

        @flow(task_runner=runner)
        def program():
            return joined.map([3, 1, 2], unmapped({"a": "b"}), "!").result()

        assert try_run(program).state.result() == ["3b!", "1b!", "2b!"]

    def test_a_map_over_the_results_of_a_map(self, runner):
        @flow(task_runner=runner)
        def program():
            return add.map(double.map([1, 2, 3]), double.submit(10)).result()

        assert try_run(program).state.result() == [22, 24, 26]

    def test_a_thousand_mapped_tasks(self, runner):
        @flow(task_runner=runner)
        def program():
            return double.map(range(1000)).result()

        tried = try_run(program)

        assert tried.state.result() == [2 * number for number in range(1000)]
        assert {kept.state.name for kept in tried.reported.task_runs.values()} == {"Completed"}

    # Failures.

    def test_an_exception_comes_back_with_its_type_its_text_and_its_traceback(self, runner):
        @task
        def divides(number):
            return number / 0

        @flow(task_runner=runner)
        def program():
            return divides.submit(1).wait()

        tried = try_run(program)

        assert tried.state.is_failed()
        assert type(tried.state.data) is ZeroDivisionError
        (run,) = tried.reported.named("divides")
        (story,) = [line for line in tried.reported.messages(run.id) if "Traceback" in line]
        assert "in divides" in story
        assert "task_runner_suite.py" in story
        assert "homeport/engine/" not in story

    def test_an_exception_with_arguments_of_its_own_comes_back(self, runner):
        @task
        def raises():
            raise OwnError(7, detail="empty")

        @flow(task_runner=runner)
        def program():
            future = raises.submit()
            try:
                future.result()
            except OwnError as error:
                return error.code, error.detail, str(error)

        assert try_run(program).state.result() == (7, "empty", "code 7: empty")

    def test_an_exception_that_cannot_be_pickled_comes_back_with_what_can_be(self, runner):
        @task
        def raises():
            raise HoldsALockError("locked out")

        @flow(task_runner=runner)
        def program():
            return raises.submit().wait()

        state = try_run(program).state

        assert "locked out" in state.message
        assert isinstance(state.data, HoldsALockError)

    def test_other_tasks_go_on_when_one_fails(self, runner):
        @task
        def picky(number):
            if number == 2:
                raise ValueError("not two")
            return number

        @task
        def count(numbers):
            return [type(number).__name__ for number in numbers]

        @flow(task_runner=runner)
        def program():
            futures = picky.map(range(4))
            return count.submit(allow_failure(list(futures))).result()

        assert try_run(program).state.result() == ["int", "int", "ValueError", "int"]

    def test_a_task_behind_a_failed_one_does_not_run(self, runner):
        @task
        def fails():
            raise ValueError("no")

        @flow(task_runner=runner)
        def program():
            return double.submit(fails.submit()).wait().name

        assert try_run(program).state.result() == "TriggerFailed"

    def test_sys_exit_in_a_task_ends_only_the_task(self, runner):
        @task
        def leaves():
            sys.exit(3)

        @flow(task_runner=runner)
        def program():
            return leaves.submit().wait().message, double.submit(2).result()

        first, second = try_run(program).state.result()
        assert first == "The code called sys.exit(3)."
        assert second == 4

    def test_retries_happen_until_it_works(self, runner, tmp_path):
        @task(retries=3, retry_delay_seconds=0.01)
        def third_time_lucky(folder):
            tries = len(list(Path(folder).iterdir())) + 1
            (Path(folder) / str(tries)).touch()
            if tries < 3:
                raise ValueError(f"try {tries}")
            return from_context("task_run_count")

        @flow(task_runner=runner)
        def program():
            return third_time_lucky.submit(str(tmp_path)).result()

        tried = try_run(program)

        assert tried.state.result() == 3
        (run,) = tried.reported.named("third_time_lucky")
        assert [state.name for state in run.states] == [
            "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed",
        ]  # fmt: skip

    def test_only_the_exceptions_named_are_retried(self, runner):
        @task(retries=2, retry_on=KeyError)
        def fails(error):
            raise error

        @flow(task_runner=runner)
        def program():
            fails.submit(OwnError(1, detail="x")).wait()
            fails.submit(KeyError("y")).wait()
            return "done"

        runs = try_run(program).reported.named("fails")
        assert [run.run_count for run in runs] == [1, 3]

    # Time.

    def test_a_timeout_ends_a_task_that_computes(self, runner):
        @task(timeout_seconds=0.2)
        def spins():
            while True:
                time.sleep(0.001)

        @flow(task_runner=runner)
        def program():
            return spins.submit().wait().name, double.submit(1).result()

        assert try_run(program).state.result() == ("TimedOut", 2)

    def test_a_timeout_ends_a_task_that_sleeps(self, runner):
        @task(timeout_seconds=0.2)
        def sleeps():
            time.sleep(60)

        @flow(task_runner=runner)
        def program():
            return sleeps.submit().wait().name

        begun = time.monotonic()
        assert try_run(program).state.result() == "TimedOut"
        assert time.monotonic() - begun < 20

    def test_a_timeout_ends_an_async_task(self, runner):
        @task(timeout_seconds=0.2)
        async def sleeps():
            await asyncio.sleep(60)

        @flow(task_runner=runner)
        def program():
            return sleeps.submit().wait().name

        assert try_run(program).state.result() == "TimedOut"

    # Where the code stands.

    def test_context_tells_the_task_where_it_is(self, runner):
        @task
        def tells(number):
            return {
                name: from_context(name)
                for name in ("flow_run_name", "flow_name", "task_run_name", "task_name", "map_index", "parameters")
            }

        @flow(task_runner=runner)
        def program(wanted: int):
            return tells.map([1, 2]).result()

        assert try_run(program, wanted=5).state.result() == [
            {
                "flow_run_name": "tried-run",
                "flow_name": "program",
                "task_run_name": f"tells-{index}",
                "task_name": "tells",
                "map_index": index,
                "parameters": {"wanted": 5},
            }
            for index in range(2)
        ]

    def test_a_task_may_name_the_context_itself(self, runner):
        @task
        def tells():
            return context.get("task_name"), context["flow_name"], homeport.context.task_run_name

        @flow(task_runner=runner)
        def program():
            return tells.submit().result()

        assert try_run(program).state.result() == ("tells", "program", "tells-0")

    def test_a_task_that_loops_or_is_resumed_reads_so_in_its_context(self, runner):
        @task
        def loops():
            number = from_context("task_loop_result", 0)
            if number < 2:
                raise signals.LOOP(result=number + 1)
            return number, from_context("task_loop_count")

        @task
        def careful():
            pause_task("look at it")
            return from_context("resume")

        @flow(task_runner=runner)
        def both():
            return loops.submit().result(), careful.submit().result()

        with answering({"careful-0": None}) as answers:
            assert both() == ((2, 3), True)
        assert [question.message for question in answers.asked] == ["look at it"]

    def test_tags_and_context_variables_are_there(self, runner):
        @task
        def tells():
            return colour.get(), sorted(current.tag_set.get())

        @flow(task_runner=runner)
        def program():
            colour.set("blue")
            with tags("one", "two"):
                return tells.submit().result()

        assert try_run(program).state.result() == ("blue", ["one", "two"])

    def test_logs_and_prints_belong_to_the_task_run(self, runner):
        @task(log_prints=True)
        def says(number):
            print("printed", number)
            get_run_logger().info("logged %s", number)
            logging.getLogger("own").warning("warned %s", number)

        @flow(task_runner=runner)
        def program():
            says.map([1, 2]).wait()

        tried = try_run(program)

        for index, run in enumerate(tried.reported.named("says"), 1):
            assert tried.reported.messages(run.id) == [f"printed {index}", f"logged {index}", f"warned {index}"]

    def test_secrets_are_masked_wherever_they_were_resolved(self, runner, monkeypatch):
        monkeypatch.setenv("HOMEPORT__CONTEXT__SECRETS__HERE", "alpha-secret")

        @task
        def tells(here):
            from homeport.client import Secret

            os.environ["HOMEPORT__CONTEXT__SECRETS__THERE"] = "omega-secret"
            try:
                there = Secret("THERE").get()
            finally:
                del os.environ["HOMEPORT__CONTEXT__SECRETS__THERE"]
            get_run_logger().info("%s and %s", here, there)
            raise ValueError(f"{here} and {there}")

        @flow(task_runner=runner)
        def program():
            from homeport.client import Secret

            tells.submit(Secret("HERE").get()).wait()

        with kept_apart():
            tried = try_run(program)

        (run,) = tried.reported.named("tells")
        told = " ".join([*tried.reported.messages(run.id), run.state.message, tried.state.message])
        assert "*** and ***" in told
        assert "secret" not in told

    def test_a_print_that_nobody_captures_is_printed_here(self, runner, capfd):
        @task
        def says():
            print("hello from the task")

        @flow(task_runner=runner)
        def program():
            says.submit().wait()

        try_run(program)

        assert "hello from the task" in capfd.readouterr().out

    def test_a_task_called_by_a_task_is_its_child(self, runner):
        @task
        def outer():
            get_run_logger().info("in the outer one")
            return double(2) + double(3)

        @flow(task_runner=runner)
        def program():
            return outer.submit().result()

        tried = try_run(program)

        assert tried.state.result() == 10
        (parent,) = tried.reported.named("outer")
        children = [run for run in tried.reported.task_runs.values() if run.parent == parent.id]
        assert [child.state.name for child in children] == ["Completed", "Completed"]
        assert len({child.name for child in children}) == 2

    def test_a_subflow_has_a_runner_of_its_own(self, runner):
        @flow(task_runner=SequentialTaskRunner())
        def inner():
            return measured_pid.submit().result()

        @flow(task_runner=runner)
        def program():
            return inner(), measured_pid.submit().result()

        inner_pid, outer_pid = try_run(program).state.result()
        assert inner_pid == os.getpid()
        assert (outer_pid != os.getpid()) == self.elsewhere

    def test_hooks_run_in_the_process_of_the_run(self, runner):
        heard = []

        def hook(task, task_run, state):
            heard.append((task.name, state.name, os.getpid()))

        @task(on_completion=[hook])
        def works():
            return 1

        @flow(task_runner=runner)
        def program():
            works.submit().wait()

        try_run(program)

        assert heard == [("works", "Completed", os.getpid())]

    def test_a_kept_result_is_found_again_without_a_call(self, runner, tmp_path):
        @task(cache_key_fn=task_input_hash, result_storage=str(tmp_path / "results"))
        def works(number, folder):
            (Path(folder) / f"{time.monotonic_ns()}").touch()
            return {"number": number}

        calls = tmp_path / "calls"
        calls.mkdir()

        @flow(task_runner=runner)
        def program():
            first = works.submit(1, str(calls))
            first.wait()
            second = works.submit(1, str(calls))
            return second.result(), second.state.name

        assert try_run(program).state.result() == ({"number": 1}, "Cached")
        assert len(list(calls.iterdir())) == 1

    # Async.

    def test_async_tasks_of_a_sync_flow(self, runner):
        @flow(task_runner=runner)
        def program():
            return [future.result() for future in [double_async.submit(number) for number in range(3)]]

        assert try_run(program).state.result() == [0, 2, 4]

    def test_an_async_flow_awaits_tasks_of_both_kinds(self, runner):
        @flow(task_runner=runner)
        async def program():
            futures = [double_async.submit(number) for number in range(3)]
            plain = double.submit(5)
            return [await future.result() for future in futures], (await plain.ended()).result()

        assert try_run(program).state.result() == ([0, 2, 4], 10)

    # The control plane.

    def test_a_task_reads_and_keeps_values_by_key_with_the_run_s_own_token(self, runner, recorder):
        @task
        def counts(key):
            kv.set(key, kv.get(key, 0) + 1)
            return kv.get(key), Variable.get(key), key in kv.keys(key)

        @flow(task_runner=runner)
        def program(key):
            return counts.submit(key).result(), counts.submit(key).result()

        key = f"counts/{uuid4()}"

        assert recorder.run(program, key=key).state.result() == ((1, 1, True), (2, 2, True))
        assert recorder.api.ask("query($k: String!) { keyValue(key: $k) { value } }", k=key).data == {
            "keyValue": {"value": 2}
        }

    def test_tags_are_those_of_the_task_and_of_the_code_around_its_call(self, runner, recorder):
        @task(tags=["db"])
        def tells():
            inner = double.submit(1)
            inner.wait()
            return set(task_run.tags), set(flow_run.tags), set(inner.task_run.tags)

        @flow(task_runner=runner)
        def program():
            with tags("nightly", "a, b"):
                first = tells.submit()
            return first.result(), tells.submit().result()

        with tags("all"):
            recorded = recorder.run(program)
        query = "query($id: ID!) { flowRun(id: $id) { taskRuns(first: 9) { nodes { name tags } } } }"
        nodes = recorder.api.ask(query, id=recorded.id).data["flowRun"]["taskRuns"]["nodes"]

        assert recorded.state.result() == (
            ({"db", "nightly", "a, b", "all"}, {"all"}, {"nightly", "a, b", "all"}),
            ({"db", "all"}, {"all"}, {"all"}),
        )
        assert {node["name"]: set(node["tags"]) for node in nodes if node["name"] in ("tells-0", "tells-1")} == {
            "tells-0": {"db", "nightly", "a, b", "all"},
            "tells-1": {"db", "all"},
        }

    def test_many_tasks_ask_at_once_and_each_gets_its_own_answer(self, runner, recorder):
        @task
        def keeps(number, prefix):
            kv.set(f"{prefix}/{number}", number)
            return kv.get(f"{prefix}/{number}")

        @flow(task_runner=runner)
        def program():
            return keeps.map(range(20), unmapped(f"many/{uuid4()}")).result()

        assert recorder.run(program).state.result() == list(range(20))

    def test_an_async_task_awaits_a_value_by_key(self, runner, recorder):
        @task
        async def keeps(key):
            await Variable.set(key, [1])
            return await Variable.get(key)

        @flow(task_runner=runner)
        def program():
            return keeps.submit(f"async/{uuid4()}").result()

        assert recorder.run(program).state.result() == [1]

    def test_an_artifact_of_a_task_belongs_to_its_task_run(self, runner, recorder):
        @task
        def shows():
            create_markdown_artifact("# Sold", key="sold")

        @flow(task_runner=runner)
        def program():
            shows.submit().wait()

        recorded = recorder.run(program)

        (artifact,) = recorded.artifacts()
        assert (artifact["kind"], artifact["key"], artifact["data"]) == ("MARKDOWN", "sold", {"markdown": "# Sold"})
        assert {artifact["taskRunId"]} == recorded.task_run_ids()

    def test_an_artifact_of_a_run_that_nobody_knows_is_kept_with_the_run(self, runner):
        @task
        def shows():
            create_table_artifact([{"shop": "north"}], key="sales")

        @flow(task_runner=runner)
        def program():
            shows.submit().wait()

        (artifact,) = try_run(program).reported.artifacts

        assert (artifact.kind, artifact.key, artifact.data) == ("TABLE", "sales", {"table": [{"shop": "north"}]})

    def test_an_image_of_a_task_is_kept_where_the_results_of_its_run_are(self, runner, recorder, tmp_path):
        @task
        def draws():
            create_image_artifact(image=PIXEL, key="pixel")

        @flow(task_runner=runner, result_storage=str(tmp_path))
        def program():
            draws.submit().wait()

        (recorded,) = recorder.run(program).artifacts()
        (alone,) = try_run(program).reported.artifacts

        for data in (recorded["data"], alone.data):
            assert data["stored"]["storage"] == {"kind": "folder", "path": str(tmp_path)}
            assert (read(data), data["mediaType"]) == (PIXEL, "image/png")

    def test_what_the_control_plane_refuses_is_raised_in_the_task(self, runner, recorder):
        @task
        def asks():
            try:
                kv.delete("nothing/is/here")
            except NotFoundError as error:
                return str(error)

        @flow(task_runner=runner)
        def program():
            return asks.submit().result()

        assert "nothing/is/here" in recorder.run(program).state.result()

    def test_a_run_s_token_is_not_in_the_memory_of_its_workers(self, runner, recorder):
        @task
        def look_for(begin):
            kv.set("looked", True)
            return tokens_in_memory(begin)

        @flow(task_runner=runner)
        def program():
            # The begin of the secret alone, or this very call would bring it there.
            return look_for.submit(recorder.token.rpartition("_")[2][:12].encode()).result()

        found = recorder.run(program).state.result()

        assert (found == 0) == self.elsewhere

    # What cannot travel.

    def test_an_argument_that_cannot_be_pickled_is_named(self, runner):
        @task
        def holds(config):
            return type(config["lock"]).__name__

        @flow(task_runner=runner)
        def program():
            return holds.submit({"lock": threading.Lock()}).wait()

        state = try_run(program).state
        if not self.elsewhere:
            assert state.is_completed()
            return
        assert state.is_failed()
        assert "Task 'holds'" in state.message
        assert "config['lock']" in state.message
        assert "lock" in state.message
        assert "ConcurrentTaskRunner" in state.message

    def test_a_global_that_cannot_be_pickled_is_named(self, runner):
        lock = threading.Lock()

        @task
        def uses():
            return lock.locked()

        @flow(task_runner=runner)
        def program():
            return uses.submit().wait()

        state = try_run(program).state
        assert state.is_failed() == self.elsewhere
        if self.elsewhere:
            assert "Task 'uses'" in state.message
            assert "uses 'lock' from outside" in state.message

    def test_a_result_that_cannot_be_pickled_is_named(self, runner):
        @task
        def returns():
            return {"lock": threading.Lock()}

        @flow(task_runner=runner)
        def program():
            return returns.submit().wait()

        state = try_run(program).state
        assert state.is_failed() == self.elsewhere
        if self.elsewhere:
            assert "Task 'returns'" in state.message
            assert "result['lock']" in state.message

    def test_large_arguments_and_results_come_and_go_whole(self, runner):
        @task
        def turned(value, *, text):
            return value[::-1], text.upper()

        parts = [number.to_bytes(4, "big") * 100_000 for number in range(8)]

        @flow(task_runner=runner)
        def program():
            return turned.submit(parts, text="é" * 2_000_000).result()

        back, text = try_run(program).state.result()

        assert back == parts[::-1]
        assert text == "É" * 2_000_000

    def test_a_result_that_is_too_large_to_travel_is_refused_with_its_task_and_the_mend(self, runner, monkeypatch):
        monkeypatch.setenv("HOMEPORT_SENT_MAX_BYTES", "300_000")

        @task
        def returns(size):
            return [bytes([number % 256]) * 1000 for number in range(size // 1000)]

        @flow(task_runner=runner)
        def program():
            return [[returns.submit(1_000_000).wait()], len(returns.submit(200_000).result())]

        [state], other = try_run(program).state.result()

        assert other == 200
        assert state.is_failed() == self.elsewhere
        if self.elsewhere:
            assert "Task 'returns' returned a result that is too large to be sent back" in state.message
            assert "HOMEPORT_SENT_MAX_BYTES lets 300,000 through. Write it to storage in the task" in state.message

    def test_a_call_that_does_not_fit_names_task_and_signature_and_is_not_repeated(self, runner):
        pair = task(add.fn, name="Pair", retries=3, retry_delay_seconds=60)

        @flow(task_runner=runner)
        def program():
            return [[pair.submit(1).wait(), pair.submit(1, 2, other=3).wait(), pair.map([1], third=[2])[0].wait()]]

        tried = try_run(program)
        [states] = tried.state.result()

        assert [state.message for state in states] == [
            "Misfit: Task 'Pair' cannot be called like this: missing a required argument: 'other'. It takes "
            "(one, other), and was given 1 by position. Give it what is missing, or a default.",
            "Misfit: Task 'Pair' cannot be called like this: multiple values for argument 'other'. It takes "
            "(one, other), and was given 2 by position and other by name. Leave out what it does not take.",
            "Misfit: Task 'Pair' cannot be called like this: missing a required argument: 'other'. It takes "
            "(one, other), and was given 1 by position and third by name. Give it what is missing, or a default.",
        ]
        assert {run.run_count for run in tried.reported.named("Pair")} == {1}

    def test_bad_input_in_a_graph_ends_its_own_task_and_every_state_arrives(self, runner, recorder):
        with Flow("bad input", executor=runner) as bad:
            a_list = listed()
            double({a_list}, task_args={"name": "in a set"})
            double({a_list: 1}, task_args={"name": "as a key"})
            double.map(yields(), task_args={"name": "over a generator"})
            kept = locked.copy(name="kept", persist_result=True)()
            double(kept, task_args={"name": "behind"})
            good = double(2, task_args={"name": "good"})

        recorded = recorder.run(bad)
        found = recorded.task_runs()
        names = {name: state for name, (state, _) in found.items()}

        assert names.pop("yields") == ("Failed" if self.elsewhere else "Completed")
        assert names.pop("over a generator") == ("TriggerFailed" if self.elsewhere else "Failed")
        assert names == {
            "listed": "Completed", "in a set": "Failed", "as a key": "Failed", "kept": "Failed",
            "behind": "TriggerFailed", "good": "Completed",
        }  # fmt: skip
        assert "task 'in a set': the result of listed is of type list and stands in a set" in found["in a set"][1]
        assert "task 'as a key': the result of listed is of type list and stands in the keys" in found["as a key"][1]
        assert "give a list in place of the dict" in found["as a key"][1]
        assert "kept" in found["kept"][1]
        assert "Return" in found["kept"][1]
        refused = found["yields"] if self.elsewhere else found["over a generator"]
        assert "yields" in refused[1] if self.elsewhere else "Write list(...) around it" in refused[1]
        assert recorded.state_there()[0] == "Failed"
        assert "in a set, as a key" in recorded.state_there()[1]
        assert recorded.state.result[good].result == 4

    def test_bad_input_in_a_function_ends_its_own_task_and_every_state_arrives(self, runner, recorder):
        keyed = task(double.fn, name="keyed", cache_key_fn=task_input_hash)

        @flow(task_runner=runner)
        def program():
            a_list = listed.submit()
            double.with_options(name="in a set").submit({a_list})
            keyed.submit(threading.Lock())
            add.submit(1)
            kept = locked.with_options(name="kept", persist_result=True).submit()
            double.with_options(name="behind").submit(kept)
            double.with_options(name="good").submit(2)

        recorded = recorder.run(program)
        found = recorded.task_runs()

        assert {name: state for name, (state, _) in found.items()} == {
            "listed-0": "Completed", "in a set-0": "Failed", "keyed-0": "Failed", "add-0": "Failed", "kept-0": "Failed",
            "behind-0": "TriggerFailed", "good-0": "Completed",
        }  # fmt: skip
        assert "task 'in a set': the result of listed-0 is of type list" in found["in a set-0"][1]
        assert "task 'keyed': no cache key can be made of the argument 'number'" in found["keyed-0"][1]
        assert "Task 'add' cannot be called like this: missing a required argument" in found["add-0"][1]
        assert recorded.state_there() == ("Failed", recorded.state.message)
        assert "5 of 7 task runs did not complete" in recorded.state.message


class InParallel:
    """What a runner does besides that runs several tasks at once."""

    @pytest.fixture
    def sigterm_cancels(self):
        """SIGTERM cancels the run, as it does in a run process."""
        from homeport.engine.cancellation import RunCancelled

        def stop(number, frame):
            raise RunCancelled("Asked to stop.")

        before = signal.signal(signal.SIGTERM, stop)
        yield
        signal.signal(signal.SIGTERM, before)

    def test_two_tasks_run_at_once(self, runner, tmp_path):
        @task
        def meets(folder, own, other):
            (Path(folder) / own).touch()
            deadline = time.monotonic() + 20
            while not (Path(folder) / other).exists():
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.005)
            return True

        @flow(task_runner=runner)
        def program():
            futures = [meets.submit(str(tmp_path), "a", "b"), meets.submit(str(tmp_path), "b", "a")]
            return [future.result() for future in futures]

        assert try_run(program).state.result() == [True, True]

    def test_a_cancelled_run_ends_its_running_and_its_waiting_tasks(self, runner, tmp_path, sigterm_cancels):
        @task
        def spins(folder):
            try:
                (Path(folder) / "begun").touch()  # inside: the cancellation may come at once
                while True:
                    time.sleep(0.005)
            finally:
                (Path(folder) / "cleaned").touch()

        @flow(task_runner=runner)
        def program():
            first = spins.submit(str(tmp_path))
            double.submit(1, wait_for=[first])
            eventually((tmp_path / "begun").exists, what="the task began")
            threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()
            threading.Event().wait(30)

        begun = time.monotonic()
        tried = try_run(program)

        assert tried.state.is_cancelled()
        assert [str(run.state) for run in tried.reported.task_runs.values() if not run.state.is_cancelled()] == []
        eventually((tmp_path / "cleaned").exists, what="its finally ran")
        assert time.monotonic() - begun < 30


class WithWorkers:
    """What a runner does besides whose tasks run in worker processes."""

    def test_a_killed_worker_is_the_end_of_its_task_and_of_no_other(self, runner):
        @task
        def dies():
            os.kill(os.getpid(), signal.SIGKILL)

        @flow(task_runner=runner)
        def program():
            before = double.map(range(5)).result()
            dead = dies.submit()
            if not self.kills_alone:
                dead.wait()
            after = double.map(range(5))
            return before, dead.wait().name, dead.state.message, after.result()

        before, name, message, after = try_run(program).state.data
        assert before == after == [0, 2, 4, 6, 8]
        assert name == "Crashed"
        assert "Task 'dies'" in message

    def test_a_killed_worker_in_a_graph_crashes_its_task_and_every_state_arrives(self, runner, recorder):
        @task
        def dies(before):
            os.kill(os.getpid(), signal.SIGKILL)

        with Flow("deadly", executor=runner) as deadly:
            dead = dies(double(1))
            double(dead, task_args={"name": "behind"})
            double(3, upstream_tasks=[dead], task_args={"name": "cleaning", "trigger": always_run})

        recorded = recorder.run(deadly)
        found = recorded.task_runs()

        assert {name: state for name, (state, _) in found.items()} == {
            "double": "Completed", "dies": "Crashed", "behind": "TriggerFailed", "cleaning": "Completed",
        }  # fmt: skip
        assert "Task 'dies' lost its" in found["dies"][1]
        assert "retries" in found["dies"][1]
        assert recorded.state_there() == ("Failed", recorded.state.message)

    def test_a_task_whose_worker_was_killed_is_tried_again(self, runner, tmp_path):
        @task(retries=1)
        def dies_once(path):
            if not Path(path).exists():
                Path(path).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return "alive"

        @flow(task_runner=runner)
        def program():
            return dies_once.submit(str(tmp_path / "died")).result()

        tried = try_run(program)

        assert tried.state.result() == "alive"
        (run,) = tried.reported.named("dies_once")
        assert run.run_count == 2
