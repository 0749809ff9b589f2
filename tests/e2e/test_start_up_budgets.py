"""What a command costs to start: processor time, the best of several; the wall clock is the machine's too."""

import os
import subprocess

import pytest

from tests.services.stack import PROGRAM, Stack

TRIES = 8


def best(stack: Stack, *arguments: str, **environment: str) -> float:
    """Processor seconds of the cheapest of several whole runs of the command."""

    def once() -> float:
        process = subprocess.Popen(
            [PROGRAM, *arguments], env=stack.environment(**environment), cwd=stack.code, stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        process.returncode = 0  # waited for already
        return used.ru_utime + used.ru_stime

    return min(once() for _ in range(TRIES))


def test_the_version_is_printed_within_a_tenth_of_a_second(stack: Stack) -> None:
    assert best(stack, "--version") <= 0.1


@pytest.mark.parametrize(
    "command",
    [
        ["flow-run", "ls"],
        ["get", "projects"],
        ["deployment", "ls"],
        ["block", "ls"],
        ["block", "ls", "--type", "s3"],
        ["work-queue", "ls"],
        ["kv", "ls"],
    ],
)
def test_a_list_is_shown_within_three_tenths_of_a_second(stack: Stack, command: list[str]) -> None:
    assert best(stack, *command) <= 0.3


@pytest.mark.parametrize("words", ["homeport block inspect string/", "homeport deployment run "])
def test_a_shell_has_its_proposals_within_three_tenths_of_a_second(stack: Stack, words: str) -> None:
    asked = {"_HOMEPORT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "3"}

    assert best(stack, **asked) <= 0.3
