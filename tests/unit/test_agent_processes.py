"""Every process of an attempt is found and ended, however it tried to get away."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from homeport_agent import exits, process_tree
from tests.services.waiting import eventually

GETAWAYS = {
    "a child": "import subprocess; subprocess.Popen(['sleep', '300'])",
    "a child in a session of its own": "import subprocess; subprocess.Popen(['sleep', '300'], start_new_session=True)",
    "a daemon by double fork": (
        "import os, time\n"
        "between = os.fork()\n"
        "if between == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(300)\n"
        "    os._exit(0)\n"
        "os.waitpid(between, 0)"
    ),
    "one that ignores SIGTERM": (
        "import signal, subprocess\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '300'], start_new_session=True)"
    ),
    "one with another environment": "import subprocess; subprocess.Popen(['sleep', '300'], env={})",
}


@pytest.fixture
def attempt() -> Iterator[str]:
    attempt_id = str(uuid.uuid4())
    yield attempt_id
    process_tree.kill(attempt_id)


def start(attempt_id: str, code: str) -> subprocess.Popen[bytes]:
    """A run process that does `code`, says so, and waits."""
    program = f"{code}\nimport sys, time\nprint('ready', flush=True)\ntime.sleep(300)"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, process_tree.MARK: attempt_id},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("getaway", GETAWAYS.values(), ids=GETAWAYS.keys())
def test_every_process_of_the_attempt_is_killed(attempt: str, getaway: str) -> None:
    process = start(attempt, getaway)
    eventually(lambda: len(process_tree.find(attempt, process.pid)) == 2, what="the run process and what it started")

    killed = process_tree.kill(attempt, process.pid)

    assert killed == 2
    assert process.wait(5) == -signal.SIGKILL
    assert process_tree.find(attempt, process.pid) == []


def test_the_run_process_is_found_by_its_attempt_alone(attempt: str) -> None:
    process = start(attempt, GETAWAYS["a child"])

    found = process_tree.find_run_process(attempt)

    assert found is not None
    assert found.pid == process.pid
    process_tree.kill(attempt, process.pid)
    process.wait(5)


def test_a_pid_that_was_given_to_another_process_is_left_alone(attempt: str) -> None:
    process = start(attempt, "")
    stale = process_tree.Found(process.pid, 1.0)

    assert not process_tree.send(stale, signal.SIGKILL)

    assert process.poll() is None
    process_tree.kill(attempt, process.pid)
    process.wait(5)


async def test_the_end_of_a_child_is_noticed_with_its_exit_code() -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])  # noqa: ASYNC220 - as the agent does

    end = await exits.of_child(process)

    assert end.words == "exited with code 3"


async def test_the_end_of_an_adopted_process_is_noticed(attempt: str) -> None:
    process = start(attempt, "")
    started = process_tree.start_time(process.pid)
    assert started is not None
    process.kill()

    end = await exits.of_adopted(process.pid, started)

    assert end.code is None
    process.wait(5)


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "was killed by signal 9 (SIGKILL; out of memory?)"), (-15, "was killed by signal 15 (SIGTERM)")],
)
def test_a_signal_is_told_by_number_name_and_likely_cause(code: int, words: str) -> None:
    assert exits.Exit(code).words == words
