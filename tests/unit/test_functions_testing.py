"""What users test their flows with."""

import asyncio
import os
import threading

import pytest

from homeport import flow, get_run_logger, task
from homeport.client import Secret
from homeport.config import load_settings
from homeport.testing import assert_completed, assert_failed, homeport_test_harness, try_run
from homeport.testing.utilities import prefect_test_harness

pytest_plugins = ["pytester"]


@task(retries=1)
def divide(by):
    get_run_logger().info("by %d", by)
    return 6 / by


@flow
def divides(by: int = 2):
    return divide(by)


def test_flows_called_in_the_harness_are_kept_and_show_nothing(capsys):
    with homeport_test_harness() as harness:
        assert divides() == 3
        divides(by=0, return_state=True)

    assert [run.state.name for run in harness.runs] == ["Completed", "Failed"]
    assert harness.last.states_of("divide-0") == ["Running", "AwaitingRetry", "Retrying", "Failed"]
    assert harness.last.messages.count("by 0") == 2
    assert capsys.readouterr().err == ""


def test_the_harness_sees_and_touches_nothing_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("HOMEPORT_API_URL", "http://production.example")
    monkeypatch.setenv("HOMEPORT_API_KEY", "hp_key")
    monkeypatch.setenv("HOMEPORT_RECORD_RUNS", "a project")

    with homeport_test_harness(settings={"queue": "tests"}) as harness:
        settings = load_settings(folder=tmp_path)
        assert divides() == 3

    assert (settings.home, settings.api_key, settings.queue) == (harness.home, None, "tests")
    assert "production" not in settings.api_url
    assert not harness.home.exists()
    assert os.environ["HOMEPORT_API_URL"] == "http://production.example"
    assert os.environ["HOMEPORT_RECORD_RUNS"] == "a project"


def test_the_harness_has_the_secrets_that_the_test_gives():
    @flow(log_prints=True)
    def asks():
        print("password", Secret("DB").get()["password"])

    with homeport_test_harness(secrets={"DB": {"password": "hunter2!"}}) as harness:
        asks()
        assert "password ***" in harness.last.messages
    with homeport_test_harness() as harness:
        assert not Secret("DB").exists()
        with pytest.raises(LookupError, match="No flow has been run"):
            harness.last  # noqa: B018


def test_flows_in_threads_and_async_flows_are_kept_too():
    @flow
    async def waits():
        await asyncio.sleep(0)
        return 1

    with prefect_test_harness() as harness:
        asyncio.run(waits())
        thread = threading.Thread(target=divides)
        thread.start()
        thread.join(10)

    assert [run.state.name for run in harness.runs] == ["Completed", "Completed"]


def test_assertions_give_the_result_or_the_exception():
    assert assert_completed(try_run(divides)) == 3
    assert isinstance(assert_failed(try_run(divides, by=0), match="division by zero"), ZeroDivisionError)
    assert assert_completed(divides(return_state=True)) == 3


def test_an_assertion_that_fails_tells_what_happened():
    failed = try_run(divides, by=0)

    with pytest.raises(AssertionError, match=r"(?s)did not complete: Failed\(.*Task runs: divide-0 Failed\n.*by 0"):
        assert_completed(failed)
    with pytest.raises(AssertionError, match="does not match 'overflow'"):
        assert_failed(failed, match="overflow")
    with pytest.raises(AssertionError, match=r"did not fail: Completed\(\)"):
        assert_failed(try_run(divides))
    with pytest.raises(LookupError, match="There were: divide-0"):
        failed.states_of("multiply")


def test_the_fixture_is_known_to_a_conftest_that_names_the_plugin(pytester):
    pytester.makeconftest('pytest_plugins = ["homeport.testing.fixtures"]')
    pytester.makepyfile(
        """
        from homeport import flow

        @flow
        def hello(name: str):
            return f"Hello, {name}"

        def test_hello(homeport_harness):
            assert hello("Ada") == "Hello, Ada"
            assert homeport_harness.last.state.is_completed()
        """
    )

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


async def test_a_flow_runs_where_an_event_loop_runs_already_as_in_a_notebook():
    @task
    async def later(number):
        await asyncio.sleep(0)
        return number

    @flow
    async def awaits():
        return await later(1)

    @flow
    def plain():
        return [later(2), later.submit(3).result(), divide(2)]

    with homeport_test_harness() as harness:
        assert await awaits() == 1
        assert plain() == [2, 3, 3]
        assert awaits.run().result() == 1

    assert len(harness.runs) == 3
