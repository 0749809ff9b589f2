"""Text and times as a terminal gets them."""

from datetime import UTC, datetime

import pytest

from homeport.cli import parameters, text, times

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_name_cannot_move_the_cursor_nor_turn_the_line_around() -> None:
    assert text.harmless("a\x1b[2Jb") == "a\\x1b[2Jb"
    assert text.harmless("a\u202eb") == "a\\x202eb"
    assert text.one_line("a\tb\nc") == "a b c"


def test_a_log_line_keeps_its_colours_and_nothing_else_that_a_terminal_obeys() -> None:
    line = "\x1b[31mred\x1b[0m \x1b]0;title\x07"

    assert text.harmless_log(line, colour=True).startswith("\x1b[31mred\x1b[0m \\x1b]0;title\\x07")
    assert text.harmless_log(line, colour=False) == "red \\x1b]0;title\\x07"


def test_wide_characters_are_counted_as_a_terminal_shows_them() -> None:
    assert text.width("日本") == 4
    assert text.shortened("日本語の名前", 6) == "日本…"
    assert text.shortened("short", 10) == "short"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.416, "0.42s"), (12.9, "12s"), (200, "3m 20s"), (7500, "2h 5m"), (360000, "4d 4h")]
)
def test_durations_are_told_in_the_two_units_that_matter(seconds: float, shown: str) -> None:
    assert times.duration(seconds) == shown


def test_ages_and_times_are_understood_as_typed() -> None:
    assert times.moment("90m", NOW) == datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
    assert times.moment("2026-11-21T10:00:00+01:00", NOW) == datetime(2026, 11, 21, 9, tzinfo=UTC)
    with pytest.raises(ValueError, match="10m"):
        times.moment("yesterday", NOW)


def test_a_parameter_is_json_if_it_parses_as_json_and_text_otherwise() -> None:
    pairs = ["n=3", "s=world", 'q="3"', "l=[1, 2]", "e=", "u=a=b", "x=NaN"]

    assert parameters.parse(pairs, None) == {
        "n": 3, "s": "world", "q": "3", "l": [1, 2], "e": "", "u": "a=b", "x": "NaN",
    }  # fmt: skip
