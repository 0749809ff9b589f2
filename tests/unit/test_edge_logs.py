"""The server's own log is UTC, one line an event, and shows no secret in either format."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from homeport_control_plane.keys import new_key
from homeport_control_plane.server import logs


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_keys_and_passwords_in_addresses_are_made_unreadable(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    key = new_key("admin").text
    logs.configure(log_format)

    logging.getLogger("homeport.test").warning("used %s at %s", key, "postgresql://me:secret@db:5432/x")

    line = capsys.readouterr().err
    assert key not in line
    assert "secret" not in line
    assert "me:…@db" in (json.loads(line)["message"] if log_format == "json" else line)


def test_an_exception_is_part_of_its_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")

    try:
        raise ValueError("postgresql://me:secret@db/x")
    except ValueError:
        logging.getLogger("homeport.test").exception("failed")

    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "failed"
    assert "ValueError" in json.loads(line)["exception"]
    assert "secret" not in line
