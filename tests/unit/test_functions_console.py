"""What a run that is watched here shows: lines, a live table on a terminal, a count at the end."""

import io
import logging
import sys
import threading
from uuid import uuid4

import pytest

from homeport import flow, get_run_logger, task
from homeport.engine import console, log_lines, prints, progress, states
from homeport.engine.console import ConsoleReporter, live_wanted
from homeport.engine.tallies import TallyingReporter
from homeport.testing import try_run
from tests.services.waiting import eventually


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    for name in ("CI", "NO_COLOR", "HOMEPORT_PROGRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(console, "SHOW_AFTER", 0.0)

    def begin():
        shown = Terminal()
        monkeypatch.setattr(sys, "stderr", shown)
        monkeypatch.setattr(sys, "stdout", shown)
        return shown

    return begin  # pytest puts its own streams in place after its fixtures


@pytest.mark.parametrize(
    ("environ", "live"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "CI": "true"}, False),
        ({"TERM": "xterm", "CI": "false"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "HOMEPORT_PROGRESS": "0"}, False),
    ],
)
def test_a_table_moves_on_a_terminal_only_and_not_in_ci(environ, live):
    assert live_wanted(Terminal(), environ) is live
    assert live_wanted(io.StringIO(), environ) is False


def test_a_long_run_on_a_terminal_shows_a_table_and_lines_and_prints_above_it(terminal):
    @task
    def load(number):
        if number == 3:
            raise ValueError("three")
        return number

    @flow
    def etl():
        eventually(lambda: prints._shown_by, what="the table is there", within=10)
        print("printed", end=" ")
        print("in two parts")
        get_run_logger().warning("a line")
        load.map(range(20)).wait()

    shown = terminal()
    etl(return_state=True)

    shown = shown.getvalue()
    assert "printed in two parts\n" in shown
    assert "| WARNING |" in shown
    assert "20/20  19 completed, 1 failed" in shown.replace("\x1b[0m", "")
    assert shown.endswith(": 19 completed, 1 failed\n")
    assert prints._shown_by is None


def test_of_two_runs_at_once_only_one_has_a_table(terminal):
    with_table, end = threading.Event(), threading.Event()

    @flow
    def waits():
        eventually(lambda: prints._shown_by or with_table.is_set(), what="a table is there", within=20)
        with_table.set()
        end.wait(20)

    terminal()
    threads = [threading.Thread(target=waits) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert with_table.wait(20)
    end.set()
    for thread in threads:
        thread.join(20)

    assert progress._one.acquire(blocking=False)
    progress._one.release()


def test_without_rich_a_run_goes_on_with_lines(terminal, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)

    assert progress.display({}, terminal()) is None
    assert progress.coloured("x\nTraceback (...)") == "x\nTraceback (...)"
    assert progress._one.acquire(blocking=False)
    progress._one.release()


def test_a_traceback_is_coloured_on_a_terminal_and_plain_in_a_pipe(terminal, monkeypatch):
    @flow
    def fails():
        raise ValueError("no")

    monkeypatch.setattr(console, "SHOW_AFTER", 60)
    shown = terminal()
    fails(return_state=True)
    coloured = shown.getvalue()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    fails(return_state=True)

    assert "\x1b[" in coloured
    assert "ValueError" in coloured
    assert "\x1b[" not in sys.stderr.getvalue()
    assert 'raise ValueError("no")' in sys.stderr.getvalue()


def test_in_a_pipe_a_run_of_many_tasks_says_now_and_then_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(console, "TELL_EVERY", 0.0)

    @task
    def work(number):
        return number

    @flow
    def works():
        for number in range(12):
            work(number)

    works()

    lines = capsys.readouterr().err.splitlines()
    assert any("- 5 of 6 task runs ended: 1 running, 5 completed" in line for line in lines)
    assert lines[-1].endswith("s: 12 completed")


def test_the_hooks_of_a_task_that_has_ended_are_shown_under_its_name(capsys):
    @task(on_completion=[lambda task, run, state: get_run_logger().info("told")])
    def work():
        return 1

    @flow
    def works():
        work()

    works()

    assert "Task run 'work-0' - told" in capsys.readouterr().err


def test_progress_can_be_turned_off(capsys, monkeypatch):
    monkeypatch.setenv("HOMEPORT_PROGRESS", "0")
    monkeypatch.setattr(console, "TELL_EVERY", 0.0)

    @flow
    def works():
        task(lambda n: n).with_options(name="work").map(range(12)).wait()

    works()

    assert [line.split(" - ")[1] for line in capsys.readouterr().err.splitlines()] == ["Finished in state Completed()"]


def test_a_tally_counts_each_state_of_each_task_run():
    tally = TallyingReporter()
    runs = [uuid4() for _ in range(5)]
    for run in runs:
        tally.task_run(run, name="n", task_key="work", map_index=None, upstream=(), parent=None)
    for run in runs[:4]:
        tally.task_state(run, states.Running(), run_count=1)
    tally.task_state(runs[0], states.AwaitingRetry(), run_count=1)
    tally.task_state(runs[0], states.Retrying(), run_count=2)
    tally.task_state(runs[1], states.Completed(), run_count=1)
    tally.task_state(runs[2], states.TimedOut(), run_count=1)
    tally.task_state(runs[3], states.Cancelled(), run_count=1)

    assert tally.together().told() == "1 pending, 1 running, 1 completed, 1 failed, 1 cancelled"
    assert (tally.name_of(runs[1]), tally.name_of(runs[3])) == (str(runs[1]), "n")


def test_a_table_with_more_tasks_than_the_terminal_has_lines_shows_those_that_go_on():
    tallies = TallyingReporter()
    for number in range(40):
        run = uuid4()
        tallies.task_run(run, name="n", task_key=f"task-{number}", map_index=None, upstream=(), parent=None)
        if number < 35:
            tallies.task_state(run, states.Completed(), run_count=1)

    rows, left_out = progress._chosen(list(tallies.tallies.values()), 10)

    assert (len(rows), left_out) == (9, 31)
    assert [row.name for row in rows][-5:] == [f"task-{number}" for number in range(35, 40)]


# Loggers of other libraries.


@pytest.fixture
def talks():
    """A flow in which a library says something at INFO, one of its parts that does not hand its records on, too."""
    closed = logging.getLogger("library.closed")
    closed.propagate = False

    @flow
    def talks():
        logging.getLogger("library.part").info("from a part")
        closed.info("from a closed part")
        logging.getLogger("other").info("from another")

    yield talks
    closed.propagate = True


def test_extra_loggers_are_heard_at_the_level_of_runs_and_left_as_they_were(talks, monkeypatch):
    monkeypatch.setenv("HOMEPORT_LOGGING_EXTRA_LOGGERS", "library, library.closed")

    told = try_run(talks).reported.messages()

    assert told[:-1] == ["from a part", "from a closed part"]
    assert logging.getLogger("library").level == logging.NOTSET
    assert log_lines._handler not in logging.getLogger("library.closed").handlers


def test_without_extra_loggers_libraries_are_heard_as_they_are_set(talks):
    assert try_run(talks).reported.messages() == ["Finished in state Completed()"]


def test_a_level_that_does_not_exist_is_named(talks, monkeypatch):
    monkeypatch.setenv("HOMEPORT_LOGGING_LEVEL", "loud")

    with pytest.raises(ValueError, match="HOMEPORT_LOGGING_LEVEL is 'LOUD'; it must be one of DEBUG"):
        try_run(talks)
    monkeypatch.delenv("HOMEPORT_LOGGING_LEVEL")
    assert try_run(talks).state.is_completed()


def test_a_reporter_of_a_short_run_starts_no_table(terminal, monkeypatch):
    monkeypatch.setattr(console, "SHOW_AFTER", 60)
    shown = terminal()
    reporter = ConsoleReporter("short")

    reporter.run_state(states.Completed())

    assert shown.getvalue() == ""
    assert not reporter._timer.is_alive() or reporter._timer.finished.is_set()
