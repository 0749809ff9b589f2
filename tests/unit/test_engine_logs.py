"""Log lines: whose they are, at which level, and what is captured."""

import logging
import sys
import threading

import pytest

import homeport
from homeport import Flow, flow, get_run_logger, task
from homeport.exceptions import MissingContextError
from homeport.logging import disable_run_logger
from homeport.testing import try_run


def lines_of(tried, name):
    return tried.reported.messages(tried.reported.named(name)[0].id)


def test_the_run_logger_of_a_task_and_of_a_flow_know_whose_lines_they_write():
    @task
    def talks():
        get_run_logger().warning("from %s", "the task")

    @flow
    def tells():
        get_run_logger().info("from the flow")
        talks()

    tried = try_run(tells)
    line = next(line for line in tried.reported.lines if line.message == "from the task")

    assert lines_of(tried, "talks-0") == ["from the task"]
    assert (line.level, line.logger) == ("WARNING", "homeport.task_runs")
    assert "from the flow" in tried.reported.messages()


def test_ordinary_loggers_are_captured():
    @task
    def talks():
        logging.getLogger("some.library").warning("careful")

    @flow
    def tells():
        talks()

    assert lines_of(try_run(tells), "talks-0") == ["careful"]


def test_prints_of_tasks_that_run_at_once_do_not_mix():
    together = threading.Barrier(4)

    @task
    def prints(number):
        for part in ("a", "b", "c"):
            together.wait(10)
            print(number, end=part)
        print()

    @flow(log_prints=True)
    def many():
        prints.map([1, 2, 3, 4])

    tried = try_run(many)

    assert [lines_of(tried, f"prints-{number - 1}") for number in (1, 2, 3, 4)] == [
        [f"{number}a{number}b{number}c"] for number in (1, 2, 3, 4)
    ]


def test_prints_are_not_captured_unless_asked_for(capsys):
    @task(log_prints=True)
    def captured():
        print("a line")

    @flow
    def prints():
        print("a print")
        captured()

    tried = try_run(prints)

    assert capsys.readouterr().out == "a print\n"
    assert lines_of(tried, "captured-0") == ["a line"]


def test_a_task_may_keep_its_prints_in_a_flow_that_captures(capsys):
    @task(log_prints=False)
    def prints():
        print("a print")

    @flow(log_prints=True)
    def captures():
        prints()
        print("a line")

    tried = try_run(captures)

    assert capsys.readouterr().out == "a print\n"
    assert "a line" in tried.reported.messages()


def test_the_1x_spelling_log_stdout_captures_what_is_written_without_print():
    @task(log_stdout=True)
    def writes():
        sys.stdout.write("two\nlines")

    with Flow("older") as older:
        writes()

    assert lines_of(try_run(older), "writes") == ["two", "lines"]


def test_standard_output_is_given_back_after_the_run():
    before = sys.stdout

    @flow(log_prints=True)
    def prints():
        print("x")

    try_run(prints)

    assert sys.stdout is before


def test_the_logger_keeps_its_task_in_threads_that_user_code_starts():
    @task
    def starts():
        logger = get_run_logger()
        thread = threading.Thread(target=lambda: logger.info("from a thread"))
        thread.start()
        thread.join()

    @flow
    def tells():
        starts()

    assert lines_of(try_run(tells), "starts-0") == ["from a thread"]


def test_the_context_and_the_task_have_loggers_as_in_1x():
    class Talks(homeport.Task):
        def run(self):
            homeport.context.get("logger").info("by context")
            self.logger.info("by task")

    with Flow("older") as older:
        Talks()()

    assert lines_of(try_run(older), "Talks") == ["by context", "by task"]


def test_the_traceback_of_a_failed_task_shows_the_users_lines_only():
    def helper():
        raise ValueError("deep down")

    @task
    def fails():
        helper()

    @flow
    def breaks():
        fails()

    tried = try_run(breaks)
    line = next(line for line in tried.reported.lines if line.task_run is not None)

    assert line.level == "ERROR"
    assert line.message.endswith("ValueError: deep down")
    assert "in helper" in line.message
    assert "homeport/engine" not in line.message
    assert all("homeport/engine" not in line.message for line in tried.reported.lines)


def test_debug_lines_are_left_out_unless_the_level_says_otherwise(monkeypatch):
    @flow
    def tells():
        get_run_logger().debug("detail")

    assert "detail" not in try_run(tells).reported.messages()
    monkeypatch.setenv("HOMEPORT_LOGGING_LEVEL", "DEBUG")
    assert "detail" in try_run(tells).reported.messages()


def test_a_run_logger_outside_a_run_says_what_to_do():
    with pytest.raises(RuntimeError, match=r"logging\.getLogger"):
        get_run_logger()


def test_a_local_run_shows_its_lines_on_standard_error(capsys):
    @task
    def talks():
        get_run_logger().info("hello")

    @flow
    def tells():
        talks()

    tells()
    shown = capsys.readouterr().err.splitlines()

    assert shown[0].endswith("| INFO    | Task run 'talks-0' - hello")
    assert shown[-1].endswith("Finished in state Completed()")


def test_what_is_known_of_a_run_is_in_the_context():
    seen = {}

    @task
    def looks():
        seen.update(homeport.context.to_dict())
        return homeport.context["task_run_name"], homeport.context.map_index, "nothing" in homeport.context

    @flow(name="Looking")
    def tells(number: int = 3):
        return looks.map([1, 2])[1].result() if False else looks()

    tried = try_run(tells, number=4)

    assert tried.state.result() == ("looks-0", None, False)
    assert seen["flow_name"] == "Looking"
    assert seen["parameters"] == {"number": 4}
    assert seen["task_run_count"] == 1
    assert homeport.context.get("flow_name", "none") == "none"


def test_a_task_s_function_that_logs_is_tested_without_a_run():
    @task
    def logs(number):
        get_run_logger().info("found %d", number)
        return number

    with disable_run_logger():
        assert logs.fn(5) == 5
    with pytest.raises(MissingContextError):
        logs.fn(5)
