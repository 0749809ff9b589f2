"""Events leave a run by a background thread, whatever the control plane does."""

import dataclasses
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from homeport.engine import states
from homeport.runtime import events, user_code
from homeport.runtime.outbox import Outbox
from homeport.runtime.reporter import EventReporter
from homeport.runtime.run_client import RunClient
from homeport.runtime.spool import Spool
from homeport.runtime.wire import open_wire
from tests.services.fake_control_plane import FakeControlPlane
from tests.services.waiting import eventually


@pytest.fixture
def server() -> Iterator[FakeControlPlane]:
    with FakeControlPlane() as running:
        yield running


class Reporting:
    """A reporter of one attempt, and what it called back."""

    def __init__(self, server: FakeControlPlane, folder: Path, **options: Any) -> None:
        self.attempt_id, self.attempt = server.attempt()
        self.cancelled = threading.Event()
        self.stopped: list[str] = []
        self.reporter = EventReporter(
            RunClient(open_wire(server.url), "token"),
            self.attempt_id,
            Outbox(Spool(folder)),
            on_cancel=self.cancelled.set,
            on_stop=self.stopped.append,
            **{"heartbeat_seconds": 0.2, "log_flush_seconds": 0.1} | options,
        )
        self.reporter.start()

    def log(self, message: str) -> None:
        self.reporter.log(at=datetime.now(UTC), level="INFO", logger="test", message=message, task_run=None)

    @property
    def messages(self) -> list[str]:
        return [event["message"] for event in self.attempt.events if event["kind"] == "log"]


def test_events_arrive_in_order_and_are_acknowledged_before_the_reporter_ends(
    server: FakeControlPlane, tmp_path: Path
) -> None:
    reporting = Reporting(server, tmp_path)
    task = uuid4()
    reporting.reporter.task_run(task, name="t-0", task_key="t", map_index=None, upstream=[], parent=None)
    reporting.reporter.task_state(task, states.Running(), run_count=1)
    for number in range(1000):
        reporting.log(str(number))
    reporting.reporter.task_state(task, states.Completed("done"), run_count=1)

    assert reporting.reporter.flush_and_close(within=10)

    assert reporting.messages == [str(number) for number in range(1000)]
    assert [event["seq"] for event in reporting.attempt.events] == list(range(1, 1004))
    assert [event["kind"] for event in reporting.attempt.events][:2] == ["task_run", "task_state"]
    assert reporting.attempt.events[-1]["message"] == "done"


def test_the_final_state_of_a_run_is_not_an_event(server: FakeControlPlane, tmp_path: Path) -> None:
    reporting = Reporting(server, tmp_path)
    reporting.reporter.run_state(states.Retrying("again"))
    reporting.reporter.run_state(states.Completed())

    reporting.reporter.flush_and_close(within=10)

    assert [event["name"] for event in reporting.attempt.events] == ["Retrying"]


def test_a_silent_run_still_beats(server: FakeControlPlane, tmp_path: Path) -> None:
    reporting = Reporting(server, tmp_path, heartbeat_seconds=0.05)

    eventually(lambda: reporting.attempt.heartbeats >= 3, what="three heartbeats", within=20)
    reporting.reporter.flush_and_close(within=20)


def test_an_outage_loses_nothing_and_says_nothing_twice(server: FakeControlPlane, tmp_path: Path) -> None:
    reporting = Reporting(server, tmp_path)
    reporting.log("before")
    eventually(lambda: reporting.messages == ["before"], what="the first line")

    server.away = True
    for number in range(50):
        reporting.log(f"during {number}")
    eventually(lambda: "during 49" in spooled(tmp_path), what="the lines are on disk")
    server.away = False
    reporting.log("after")

    assert reporting.reporter.flush_and_close(within=20)
    assert reporting.messages == ["before", *[f"during {number}" for number in range(50)], "after"]


def test_a_lost_answer_is_asked_for_again_without_a_duplicate(server: FakeControlPlane, tmp_path: Path) -> None:
    server.drop_replies["reportEvents"] = 2
    reporting = Reporting(server, tmp_path)
    for number in range(20):
        reporting.log(str(number))

    assert reporting.reporter.flush_and_close(within=10)
    assert reporting.messages == [str(number) for number in range(20)]


def test_a_cancel_in_an_answer_is_told_once(server: FakeControlPlane, tmp_path: Path) -> None:
    reporting = Reporting(server, tmp_path, heartbeat_seconds=0.05)
    reporting.attempt.cancel = True

    assert reporting.cancelled.wait(5)
    reporting.reporter.flush_and_close(within=20)


def test_a_fenced_attempt_is_stopped_with_the_reason(server: FakeControlPlane, tmp_path: Path) -> None:
    reporting = Reporting(server, tmp_path, heartbeat_seconds=0.05)
    reporting.attempt.superseded = True

    eventually(lambda: reporting.stopped, what="the reporter says stop", within=20)

    assert reporting.stopped == ["attempt 2 is the current one"]


def test_one_refused_event_does_not_hold_up_the_others(server: FakeControlPlane, tmp_path: Path) -> None:
    server.refuse_event = lambda event: event.get("message") == "poison"
    reporting = Reporting(server, tmp_path)
    for message in ("a", "b", "poison", "c"):
        reporting.log(message)

    assert reporting.reporter.flush_and_close(within=10)

    assert [message for message in reporting.messages if len(message) == 1] == ["a", "b", "c"]
    assert "refused by the control plane: an event is wrong" in reporting.messages[2]


def spooled(folder: Path) -> str:
    return "".join(file.read_text() for file in sorted(folder.glob("*.jsonl")))


def test_where_a_result_was_kept_travels_with_the_state_and_is_left_out_where_there_is_none() -> None:
    kept = {"kind": "folder", "key": "a b", "serializer": "json", "size": 2, "sha256": "0" * 64}
    state = dataclasses.replace(states.Completed(), result_reference=kept)

    with_result = events.numbered(
        events.task_state(state.at, uuid4(), "COMPLETED", "Completed", "", 1, state.result_reference), 1
    )
    without = events.numbered(events.task_state(state.at, uuid4(), "COMPLETED", "Completed", "", 1), 2)

    assert json.loads(with_result)["result"] == kept
    assert "result" not in json.loads(without)
    assert user_code.as_final(state).to_input()["result"] == kept
    assert "result" not in user_code.as_final(states.Completed()).to_input()
