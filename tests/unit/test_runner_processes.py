"""What only worker processes have: they are started, handed work, killed, replaced and ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from homeport import Flow, flow, task, unmapped
from homeport.engine.cancellation import RunCancelled
from homeport.executors import LocalDaskExecutor
from homeport.task_runners import ProcessTaskRunner
from homeport.testing import try_run
from tests.services.waiting import eventually


@task
def where():
    return os.getpid()


@task
def ignores_signals(path, seconds=60.0):
    """As code that is not Python does, in a driver that waits for its server."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})
    Path(path).touch()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.05)


def test_no_process_is_left_when_the_run_has_ended():
    @flow(task_runner=ProcessTaskRunner(2))
    def program():
        return [future.result() for future in [where.submit() for _ in range(6)]]

    processes = set(try_run(program).state.result())

    assert processes
    assert not any(psutil.pid_exists(process) for process in processes)


def test_workers_end_with_the_process_of_the_run(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, pathlib, sys, time\n"
        "from homeport import flow, task\n"
        "from homeport.task_runners import ProcessTaskRunner\n"
        "@task\n"
        "def works(folder):\n"
        "    (pathlib.Path(folder) / str(os.getpid())).touch()\n"
        "    time.sleep(60)\n"
        "@flow(task_runner=ProcessTaskRunner(2))\n"
        "def program(folder):\n"
        "    works.map([folder, folder]).wait()\n"
        "program(sys.argv[1])\n"
    )
    workers = tmp_path / "workers"
    workers.mkdir()
    run = subprocess.Popen([sys.executable, program, workers], stderr=subprocess.DEVNULL)
    begun = eventually(lambda: len(list(workers.iterdir())) == 2 and list(workers.iterdir()), what="two workers work")

    run.kill()
    run.wait()

    eventually(
        lambda: not any(psutil.pid_exists(int(path.name)) for path in begun), what="the workers ended", within=10
    )


def test_a_call_that_ignores_its_timeout_is_ended_with_its_process(tmp_path):
    impatient = ignores_signals.with_options(timeout_seconds=0.1)

    @flow(task_runner=ProcessTaskRunner(1))
    def program():
        return impatient.submit(str(tmp_path / "begun")).wait().name, where.submit().result()

    name, _ = try_run(program).state.result()

    assert name == "TimedOut"


def test_a_call_that_ignores_a_cancellation_is_ended_with_its_process(tmp_path):
    def stop(number, frame):
        raise RunCancelled("Asked to stop.")

    before = signal.signal(signal.SIGUSR1, stop)

    @flow(task_runner=ProcessTaskRunner(1))
    def program():
        ignores_signals.submit(str(tmp_path / "begun"))
        eventually((tmp_path / "begun").exists, what="the task began")
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1)).start()
        threading.Event().wait(30)

    begun = time.monotonic()
    try:
        tried = try_run(program)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert tried.state.is_cancelled()
    assert tried.reported.named("ignores_signals")[0].state.is_cancelled()
    assert time.monotonic() - begun < 20


def test_the_message_of_a_dead_worker_names_task_process_and_signal():
    @task
    def dies():
        os.kill(os.getpid(), signal.SIGKILL)

    @task
    def leaves():
        os._exit(7)

    @flow(task_runner=ProcessTaskRunner(1))
    def program():
        return dies.submit().wait().message, leaves.submit().wait().message

    killed, left = try_run(program).state.result()

    assert "Task 'dies' lost its worker process" in killed
    assert "SIGKILL" in killed
    assert "memory" in killed
    assert "exited with code 7" in left


def test_of_many_short_calls_on_their_way_to_a_worker_that_dies_only_one_is_lost(tmp_path):
    @task
    def appends(number, folder):
        (Path(folder) / f"{number}-{time.monotonic_ns()}").touch()
        if number == 700:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    @flow(task_runner=ProcessTaskRunner(2))
    def program():
        return [future.wait().name for future in appends.map(range(1000), unmapped(str(tmp_path)))]

    names = try_run(program).state.result()

    assert [number for number, name in enumerate(names) if name != "Completed"] == [700]
    assert names[700] == "Crashed"
    assert len(list(tmp_path.iterdir())) == 1000, "no call was made twice, none was left out"


def test_a_short_call_does_not_wait_behind_a_long_one_while_a_worker_is_idle(tmp_path):
    @task
    def works(number, folder):
        if number == 500:
            deadline = time.monotonic() + 20
            while len(list(Path(folder).iterdir())) < 999 and time.monotonic() < deadline:
                time.sleep(0.01)
            return len(list(Path(folder).iterdir()))
        (Path(folder) / str(number)).touch()
        return 0

    @flow(task_runner=ProcessTaskRunner(2))
    def program():
        return works.map(range(1000), unmapped(str(tmp_path))).result()[500]

    assert try_run(program).state.result() == 999


def test_what_a_map_has_in_common_is_sent_once_to_each_worker():
    class Weighed:
        def __init__(self):
            self.data = b"x" * 1000

        def __reduce__(self):
            pickled.append(1)
            return super().__reduce__()

    pickled = []
    heavy = [Weighed()]

    @task
    def measures(number, things):
        return number + len(things[0].data)

    @flow(task_runner=ProcessTaskRunner(2))
    def program():
        return measures.map(range(50), unmapped(heavy)).result()

    assert try_run(program).state.result() == [1000 + number for number in range(50)]
    assert len(pickled) <= 2


def test_a_graph_flow_runs_in_processes():
    with Flow("parts", executor=LocalDaskExecutor(scheduler="processes", num_workers=2)) as parts:
        found = where()

    state = parts.run()

    assert state.is_successful()
    assert state.result[found].result != os.getpid()


def test_a_flow_that_a_task_calls_runs_in_the_worker_as_its_child():
    @task
    def double(number):
        return 2 * number, os.getpid()

    @flow
    def inner(number):
        return double.submit(number).result()

    @task
    def outer(number):
        return inner(number)

    @flow(task_runner=ProcessTaskRunner(1))
    def program():
        return outer.submit(4).result()

    tried = try_run(program)

    number, process = tried.state.result()
    assert number == 8
    assert process != os.getpid()
    (inner_run,) = tried.reported.named("inner")
    assert inner_run.parent == tried.reported.named("outer")[0].id
    assert inner_run.state.is_completed()


def test_processes_that_cannot_be_started_fail_the_tasks(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/there/is/no/python")

    @flow(task_runner=ProcessTaskRunner(1))
    def program():
        return where.submit().wait().message

    assert "/there/is/no/python" in try_run(program).state.result()


def test_lines_come_while_the_task_runs(tmp_path):
    @task(log_prints=True)
    def says(path):
        print("begun")
        deadline = time.monotonic() + 20
        while not Path(path).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        return Path(path).exists()

    @flow(task_runner=ProcessTaskRunner(1))
    def program():
        return says.submit(str(tmp_path / "heard")).result()

    class Listening:
        def __init__(self, reporter):
            self.reporter = reporter

        def __getattr__(self, name):
            return getattr(self.reporter, name)

        def log(self, **line):
            if line["message"] == "begun":
                (tmp_path / "heard").touch()
            self.reporter.log(**line)

    from homeport.engine.ids import new_id
    from homeport.engine.reporting import InMemoryReporter
    from homeport.engine.run import FlowRunInfo, run_flow

    run = FlowRunInfo(new_id(), "run", "program")
    assert run_flow(program, {}, reporter=Listening(InMemoryReporter()), run=run).result() is True


def test_a_script_needs_no_guard_and_is_not_run_again(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from homeport import flow, task\n"
        "from homeport.task_runners import ProcessTaskRunner\n"
        "print('the script runs')\n"
        "class Pair:\n"
        "    def __init__(self, one): self.one = one\n"
        "def helper(pair): return Pair(pair.one + 1)\n"
        "@task\n"
        "def works(pair): return helper(pair)\n"
        "@flow(task_runner=ProcessTaskRunner(2))\n"
        "def program(): return sum(pair.one for pair in works.map([Pair(1), Pair(2)]).result())\n"
        "print(program())\n"
    )

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.splitlines() == ["the script runs", "5"]


def test_a_helper_module_beside_the_flow_is_imported_by_the_workers(tmp_path):
    (tmp_path / "own_helper_of_the_flow.py").write_text("def twice(number):\n    return 2 * number\n")
    (tmp_path / "script.py").write_text(
        "import own_helper_of_the_flow as helper\n"
        "from homeport import flow, task\n"
        "from homeport.task_runners import ProcessTaskRunner\n"
        "@task\n"
        "def works(number): return helper.twice(number)\n"
        "@flow(task_runner=ProcessTaskRunner(1))\n"
        "def program(): return works.submit(4).result()\n"
        "print(program())\n"
    )

    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.strip() == "8"


@pytest.mark.parametrize("program", ["raise SystemExit(0)", "import os; os._exit(0)"])
def test_a_worker_that_cannot_start_says_so(program, monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nif '-c' in sys.orig_argv:\n    {program}\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    @flow(task_runner=ProcessTaskRunner(1))
    def run():
        return where.submit().wait().message

    assert "lost its worker process" in try_run(run).state.result()
