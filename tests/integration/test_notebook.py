"""Flows in a notebook: cells of a real IPython kernel, whose event loop runs while they do."""

import os
import re

import nbformat
import pytest
from nbclient import NotebookClient

TASKS = """
import asyncio, os, time
from homeport import Flow, Parameter, flow, task
from homeport.task_runners import ProcessTaskRunner

@task
def double(number):
    return 2 * number

@task
async def double_async(number):
    await asyncio.sleep(0)
    return 2 * number
"""


class Notebook:
    """A kernel; `run` makes a cell of the code and runs it."""

    def __init__(self, client):
        self.client = client

    def run(self, code):
        """What the cell shows: its value, what it printed, and its traceback, without colours."""
        cell = nbformat.v4.new_code_cell(code)
        self.client.nb.cells.append(cell)
        self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        return Shown(cell.outputs)


class Shown:
    def __init__(self, outputs):
        values = [one["data"] for one in outputs if one.output_type in ("execute_result", "display_data")]
        self.data = values[-1] if values else {}
        self.value = self.data.get("text/plain")
        self.out = "".join(one["text"] for one in outputs if one.get("name") == "stdout")
        self.err = "".join(one["text"] for one in outputs if one.get("name") == "stderr")
        traces = ["\n".join(one["traceback"]) for one in outputs if one.output_type == "error"]
        self.traceback = re.sub(r"\x1b\[[0-9;]*m", "", "".join(traces))


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOMEPORT_")}
    environment["HOMEPORT_HOME"] = str(tmp_path_factory.mktemp("home"))
    client = NotebookClient(nbformat.v4.new_notebook(), timeout=60, kernel_name="python3", allow_errors=True)
    with client.setup_kernel(env=environment):
        made = Notebook(client)
        assert made.run(TASKS).traceback == ""
        yield made


def test_a_sync_flow_is_called_and_its_maps_run(notebook):
    shown = notebook.run("""
@flow(log_prints=True)
def doubles(count: int):
    print("counting to", count)
    return double.map(range(count)).result()

doubles(3)
""")

    assert shown.value == "[0, 2, 4]"
    assert re.search(r"INFO +\| Flow run '[\w-]+' - counting to 3", shown.err)
    assert "Finished in state Completed()" in shown.err


def test_an_async_flow_is_awaited_on_the_loop_of_the_kernel(notebook):
    shown = notebook.run("""
@flow
async def doubles_async(count: int):
    one = await double_async(20)
    submitted = [double_async.submit(number) for number in range(count)]
    return one, [await future.result() for future in submitted], await double_async.map([4, 5]).result()

await doubles_async(2)
""")

    assert shown.value == "(40, [0, 2], [8, 10])"


def test_a_sync_flow_runs_async_tasks_while_the_loop_of_the_kernel_is_busy_with_the_cell(notebook):
    shown = notebook.run("""
@flow
def of_both():
    return double_async.submit(4).result(), double.submit(1).result()

of_both()
""")

    assert shown.value == "(8, 2)"


def test_a_graph_flow_runs_and_is_drawn(notebook):
    ran = notebook.run("""
with Flow("graph") as graph:
    doubled = double(Parameter("number", default=2))

graph.run(number=5).result[doubled].result
""")
    drawn = notebook.run("graph.visualize()")

    assert ran.value == "10"
    assert drawn.data["image/svg+xml"].startswith("<svg")


def test_functions_of_cells_travel_to_worker_processes(notebook):
    shown = notebook.run("""
factor = 3

@task
def times(number):
    return factor * number, os.getpid() == kernel

kernel = os.getpid()

@flow(task_runner=ProcessTaskRunner(2))
def in_processes():
    return times.map([1, 2]).result()

in_processes()
""")

    assert shown.value == "[(3, False), (6, False)]"


def test_a_traceback_shows_the_lines_of_the_cells_and_none_of_the_engine(notebook):
    shown = notebook.run("""
@task
def divides(number):
    return number / 0

@flow
def fails():
    return divides.submit(1).result()

fails()
""")

    assert "ZeroDivisionError" in shown.traceback
    assert "return number / 0" in shown.traceback
    assert "homeport/" not in shown.traceback
    assert "return divides.submit(1).result()" in shown.traceback
    assert "homeport/" not in shown.err
    assert "in divides" in shown.err


def test_an_async_traceback_does_so_too(notebook):
    shown = notebook.run("""
@flow
async def fails_async():
    raise LookupError("nothing there")

await fails_async()
""")

    assert "nothing there" in shown.traceback
    assert "homeport/" not in shown.traceback


def test_a_timeout_ends_a_flow_in_a_cell_and_names_no_line_of_the_engine(notebook):
    shown = notebook.run("""
@task(timeout_seconds=0.2)
def sleeps():
    time.sleep(30)

@flow
def too_long():
    return sleeps.submit().wait().name

too_long()
""")

    assert shown.value == "'TimedOut'"
    assert "Ran longer than its timeout of 0.2 s." in shown.err
    assert "homeport/" not in shown.err


def test_many_tasks_end_with_a_line_that_counts_them_instead_of_a_moving_table(notebook):
    shown = notebook.run("""
@flow
def many():
    double.map(range(200)).result()

many()
""")

    assert re.search(r"200 task runs in [\d.]+ s: 200 completed", shown.err)
    assert "\x1b" not in shown.err


def test_an_interrupted_cell_cancels_the_run_and_the_next_cell_runs(notebook):
    shown = notebook.run("""
import signal, threading

@task
def waits():
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    time.sleep(30)

@flow
def interrupted():
    waits()

interrupted()
""")

    after = notebook.run("doubles(1)")

    assert "KeyboardInterrupt" in shown.traceback or "RunCancelled" in shown.traceback
    assert "Cancelled" in shown.err
    assert after.value == "[0]"
