"""A traceback leaves the machine without the code that it quotes."""

import traceback

import pytest

from homeport.runtime.source_lines import without_source


def raised(depth: int = 2) -> str:
    try:
        nested(depth)
    except ValueError:
        return traceback.format_exc()
    raise AssertionError


def nested(depth: int) -> None:
    if depth == 0:
        raise ValueError("a message\n    with an indented line")  # CANARY
    nested(
        depth - 1,  # CANARY
    )


def test_code_is_left_out_and_everything_else_stays() -> None:
    told = without_source("The task raised an exception:\n" + raised())

    assert "CANARY" not in told
    assert "^^^" not in told
    assert told.startswith("The task raised an exception:\nTraceback (most recent call last):\n")
    assert told.count(", in nested") == 3
    assert told.endswith("ValueError: a message\n    with an indented line\n")


def test_a_chain_of_exceptions_keeps_its_links() -> None:
    try:
        try:
            nested(0)
        except ValueError as error:
            raise KeyError("second") from error  # CANARY
    except KeyError:
        told = without_source(traceback.format_exc())

    assert "CANARY" not in told
    assert "The above exception was the direct cause" in told
    assert "KeyError: 'second'" in told


def test_a_group_of_exceptions_keeps_its_bars() -> None:
    group: BaseExceptionGroup[BaseException] | None = None
    try:
        nested(0)
    except ValueError as error:
        group = ExceptionGroup("several", [error])
    assert group is not None

    told = without_source("".join(traceback.format_exception(group)))

    assert "CANARY" not in told
    assert "| ValueError: a message" in told


def test_files_of_the_flow_are_named_from_its_root() -> None:
    message = (
        'Traceback (most recent call last):\n  File "/cache/ab/tree/flows/poke.py", line 3, in f\n    secret()\nE: x'
    )

    assert without_source(message, "/cache/ab/tree") == (
        'Traceback (most recent call last):\n  File "flows/poke.py", line 3, in f\nE: x'
    )


@pytest.mark.parametrize("message", ["", "plain", "    indented\n    lines", 'I said:   File "x" is there\n    see?'])
def test_what_is_no_traceback_is_not_touched(message: str) -> None:
    assert without_source(message) == message
