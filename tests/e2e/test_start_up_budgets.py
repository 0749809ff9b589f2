"""How long a command takes to start, from outside; the best of several, because machines are shared."""

import time

from tests.services.stack import Stack

TRIES = 8


def best(stack: Stack, *arguments: str) -> float:
    """Seconds of the quickest of several whole runs of the command."""

    def once() -> float:
        began = time.perf_counter()
        stack.cli(*arguments)
        return time.perf_counter() - began

    return min(once() for _ in range(TRIES))


def test_the_version_is_printed_within_a_tenth_of_a_second(stack: Stack) -> None:
    assert best(stack, "--version") <= 0.1


def test_a_list_is_shown_within_three_tenths_of_a_second(stack: Stack) -> None:
    assert best(stack, "flow-run", "ls") <= 0.3
