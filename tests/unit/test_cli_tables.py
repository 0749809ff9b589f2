"""Tables on a terminal: they fit, and an id is never cut."""

import sys
from collections.abc import Callable

import click
import pytest

from homeport.cli.printing import Column, rows

ID = "01a1fd9d-a53b-75fd-bbbe-592ece55af60"
COLUMNS = [
    Column("id", lambda node: node["id"]),
    Column("name", lambda node: node["name"], may_shrink=True),
    Column("agent", lambda node: node["agent"]),
    Column("queue", lambda node: node["queue"], may_go=True),
]
NODES = [{"id": ID, "name": "a-rather-long-name-of-a-run", "agent": "", "queue": "default"}]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    def at(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        rows(NODES, COLUMNS, None)
        return click.unstyle(capsys.readouterr().out).splitlines()

    return at


def test_a_wide_terminal_shows_every_column(printed: Callable[[int], list[str]]) -> None:
    assert printed(120)[0].split() == ["ID", "NAME", "AGENT", "QUEUE"]


def test_an_empty_column_is_the_first_to_go_and_then_one_that_may(printed: Callable[[int], list[str]]) -> None:
    assert printed(75)[0].split() == ["ID", "NAME", "QUEUE"]
    assert printed(66)[0].split() == ["ID", "NAME"]


def test_a_name_is_shortened_last_and_an_id_never(printed: Callable[[int], list[str]]) -> None:
    for columns in (60, 50, 20):
        head, line = printed(columns)

        assert ID in line
        assert "…" in line
        assert len(line) <= max(columns, len(ID) + 8)
        assert len(head) <= max(columns, len(ID) + 8)


ABOUT = "Name or address of the server; for a DFS namespace its domain"
WRAPPING = [Column("field", lambda node: node["id"]), Column("about", lambda node: node["about"], may_wrap=True)]


@pytest.mark.parametrize("columns", [60, 75, 110])
def test_what_is_said_about_a_row_is_wrapped_or_written_below_it_and_never_cut(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)

    rows([{"id": ID, "about": ABOUT}, {"id": ID, "about": ""}], WRAPPING, None)

    head, first, *more, last = click.unstyle(capsys.readouterr().out).splitlines()
    assert max(map(len, [head, first, *more])) <= columns
    assert " ".join([first.removeprefix(ID), *more]).split() == ABOUT.split()
    assert last == ID
    assert ("ABOUT" in head) == (columns >= 75)
