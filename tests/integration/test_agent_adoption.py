"""What an agent does with what an earlier process of it left: nothing runs twice, nothing stays untold."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from homeport.runtime import events
from homeport.runtime.outbox import Outbox
from homeport.runtime.spool import Spool
from homeport_agent.agent_client import Claim
from homeport_agent.attempt_records import AttemptRecord, AttemptRecords
from tests.services.agents import agent, until
from tests.services.fake_control_plane import FakeAttempt, FakeControlPlane

NO_SUCH_PID = 2**22 + 1


@pytest.fixture
def server() -> Iterator[FakeControlPlane]:
    with FakeControlPlane(poll_seconds=2.0) as running:
        yield running


def left_behind(server: FakeControlPlane, folder: Path) -> tuple[AttemptRecord, FakeAttempt]:
    """The record of an attempt that an earlier agent process had claimed."""
    attempt_id, attempt = server.attempt()
    given: dict[str, Any] = dict.fromkeys(Claim.__slots__, "")
    given |= {"attempt_id": attempt_id, "run_token": f"token-{attempt_id}", "attempt_number": 1}
    return AttemptRecords(folder).create(Claim(**given)), attempt


def dead(folder: Path, record: AttemptRecord, *messages: str) -> Spool:
    """Its process was started, spooled these lines, and died."""
    records = AttemptRecords(folder)
    records.spawned(records.spawning(record), NO_SUCH_PID, 1.0)
    spool = Spool(record.spool)
    at = datetime.now(UTC)
    Outbox(spool).add(events.log(at, "INFO", "test", message, None) for message in messages)
    spool.note("started")
    return spool


async def test_a_run_that_was_claimed_but_never_started_goes_back_to_its_queue(
    server: FakeControlPlane, tmp_path: Path
) -> None:
    record, attempt = left_behind(server, tmp_path)

    async with agent(server, tmp_path):
        await until(lambda: not record.folder.exists(), "the record is removed")

    assert attempt.released is not None
    assert attempt.released["crashed"] is False
    assert "a1" in attempt.released["reason"]
    assert attempt.final is None


async def test_what_a_dead_process_had_spooled_is_sent_before_its_end_and_nothing_twice(
    server: FakeControlPlane, tmp_path: Path
) -> None:
    record, attempt = left_behind(server, tmp_path)
    dead(tmp_path, record, "one", "two", "three")
    attempt.events = [{"seq": 1, "message": "one"}]

    async with agent(server, tmp_path):
        await until(lambda: not record.folder.exists(), "the record is removed")

    assert [event["message"] for event in attempt.events] == ["one", "two", "three"]
    assert attempt.final is not None
    assert attempt.final["type"] == "CRASHED"
    assert "a1" in attempt.final["message"]
    assert f"token-{record.attempt_id}" in server.keys["reportEvents"]


async def test_an_end_that_was_decided_but_not_delivered_is_delivered_as_it_was(
    server: FakeControlPlane, tmp_path: Path
) -> None:
    record, attempt = left_behind(server, tmp_path)
    decided = {"type": "COMPLETED", "name": "Completed", "message": "fine", "at": "2026-01-01T00:00:00.000000Z"}
    dead(tmp_path, record, "last line").note("final.json", decided)

    async with agent(server, tmp_path):
        await until(lambda: not record.folder.exists(), "the record is removed")

    assert [event["message"] for event in attempt.events] == ["last line"]
    assert attempt.final == decided


@pytest.mark.parametrize("note", ["finished", "stopped"])
async def test_an_end_that_is_known_already_is_not_told_again(
    server: FakeControlPlane, tmp_path: Path, note: str
) -> None:
    record, attempt = left_behind(server, tmp_path)
    dead(tmp_path, record, "a line").note(note, "the reason")

    async with agent(server, tmp_path):
        await until(lambda: not record.folder.exists(), "the record is removed")

    assert attempt.final is None
    assert attempt.events == []


async def test_a_superseded_attempt_is_forgotten_without_changing_anything(
    server: FakeControlPlane, tmp_path: Path
) -> None:
    record, attempt = left_behind(server, tmp_path)
    dead(tmp_path, record, "a line")
    attempt.superseded = True

    async with agent(server, tmp_path):
        await until(lambda: not record.folder.exists(), "the record is removed")

    assert attempt.final is None
    assert attempt.events == []


async def test_the_pid_of_another_process_is_not_taken_for_the_run(server: FakeControlPlane, tmp_path: Path) -> None:
    record, attempt = left_behind(server, tmp_path)
    dead(tmp_path, record)
    AttemptRecords(tmp_path).spawned(record, os.getpid(), 1.0)

    async with agent(server, tmp_path):
        await until(lambda: attempt.final or attempt.released, "the attempt is settled")

    # This very process still runs: it was not taken for the run and ended.
    assert attempt.final is not None or attempt.released is not None


async def test_an_outage_delays_the_telling_and_loses_nothing(server: FakeControlPlane, tmp_path: Path) -> None:
    record, attempt = left_behind(server, tmp_path)
    dead(tmp_path, record, "one")
    async with agent(server, tmp_path) as adopting:
        await until(lambda: server.polls, "the agent has registered")
        await until(lambda: attempt.final, "the end is told")
        later, untold = left_behind(server, tmp_path)
        dead(tmp_path, later, "two")
        server.away = True
        adopting.drain("the test")

    server.away = False
    async with agent(server, tmp_path):
        await until(lambda: not later.folder.exists(), "the record is removed")

    assert untold.final is not None
    assert [event["message"] for event in untold.events] == ["two"]
