"""Numbered events wait for their acknowledgement, in memory or on disk, without gap and without growing for ever."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from homeport.runtime import events
from homeport.runtime.outbox import Outbox
from homeport.runtime.spool import Spool, has_note, read_events, read_note

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def lines(count: int, size: int = 10) -> list[str]:
    return [events.log(AT, "INFO", "l", f"{number:0{size}}", None) for number in range(count)]


def sent(outbox: Outbox, events_at_once: int = 100) -> list[dict[str, object]]:
    """Send everything as a control plane that always agrees would take it."""
    taken: list[dict[str, object]] = []
    while batch := outbox.batch(events_at_once, 1024 * 1024):
        taken += [json.loads(line) for line in batch]
        outbox.acknowledge(outbox.acknowledged + len(batch))
    return taken


def test_events_are_numbered_from_one_without_a_gap() -> None:
    outbox = Outbox(None)
    outbox.add(lines(3))
    outbox.add(lines(2))

    assert [event["seq"] for event in sent(outbox)] == [1, 2, 3, 4, 5]


def test_a_batch_keeps_its_limits_but_always_makes_progress() -> None:
    outbox = Outbox(None)
    outbox.add(lines(5, size=1000))

    assert len(outbox.batch(2, 1024 * 1024)) == 2
    assert len(outbox.batch(100, 2500)) == 2
    assert len(outbox.batch(100, 10)) == 1


def test_what_memory_does_not_hold_comes_back_from_disk_in_order(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path), memory_bytes=5_000)
    for _ in range(10):
        outbox.add(lines(100))

    first = outbox.batch(50, 1024 * 1024)
    outbox.acknowledge(50)
    outbox.add(lines(1))
    rest = sent(outbox)

    assert [json.loads(line)["seq"] for line in first] + [event["seq"] for event in rest] == list(range(1, 1002))
    assert len(outbox) == 0
    assert outbox.pending_bytes == 0


def test_the_spool_holds_every_event_that_is_not_acknowledged(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path))
    outbox.add(lines(10))
    outbox.acknowledge(4)

    assert [seq for seq, _ in read_events(tmp_path, after=4)] == [5, 6, 7, 8, 9, 10]


def test_the_spool_gives_its_room_back_once_everything_is_acknowledged(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path))
    for _ in range(30):
        outbox.add(lines(10, size=60_000))
        sent(outbox)

    assert sum(file.stat().st_size for file in tmp_path.glob("*.jsonl")) < 1024 * 1024


def test_over_the_limit_log_lines_are_dropped_and_counted_but_states_are_kept(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path), spool_bytes=10_000)
    outbox.add(lines(100, size=200))
    state = events.task_state(AT, uuid4(), "COMPLETED", "Completed", "", 1)
    outbox.add([state])

    taken = sent(outbox)

    kept = [event for event in taken if event["kind"] == "log"]
    lost = [event for event in taken if event["kind"] == "dropped"]
    assert [event["kind"] for event in taken][-2:] == ["dropped", "task_state"]
    assert len(kept) + int(str(lost[0]["lines"])) == 100
    assert [event["seq"] for event in taken] == list(range(1, len(taken) + 1))


def test_a_loss_is_told_at_the_end_even_when_nothing_follows() -> None:
    outbox = Outbox(None, memory_bytes=1000)
    outbox.add(lines(100))

    outbox.note_loss(AT)

    assert sent(outbox)[-1]["kind"] == "dropped"


def test_a_control_plane_that_forgot_is_told_what_is_missing() -> None:
    outbox = Outbox(None)
    outbox.add(lines(5))
    outbox.acknowledge(4)

    outbox.acknowledge(2)

    assert [(event["seq"], event["kind"]) for event in sent(outbox)] == [(3, "dropped"), (4, "dropped"), (5, "log")]


def test_a_disk_that_refuses_does_not_stop_the_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    outbox = Outbox(spool)
    outbox.add(lines(2))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "append", full)
    outbox.add(lines(3))

    assert [event["seq"] for event in sent(outbox)] == [1, 2, 3, 4, 5]


def test_a_line_cut_short_by_a_crash_ends_the_reading(tmp_path: Path) -> None:
    Outbox(Spool(tmp_path)).add(lines(3))
    with next(tmp_path.glob("*.jsonl")).open("ab") as stream:
        stream.write(b'{"seq":4,"kind":"lo')

    assert [seq for seq, _ in read_events(tmp_path, after=0)] == [1, 2, 3]


def test_notes_are_left_for_the_agent(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.note("started")
    spool.note("final.json", {"type": "COMPLETED"})

    assert has_note(tmp_path, "started")
    assert read_note(tmp_path, "final.json") == {"type": "COMPLETED"}
    assert not has_note(tmp_path, "finished")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("plain", "plain"),
        ('quote " and \\ and ü and 😀', 'quote " and \\ and ü and 😀'),
        ("nul \x00 byte", "nul \ufffd byte"),
        ("lone \ud83d surrogate", "lone \ufffd surrogate"),
        ("written \\u0000 out", "written \\u0000 out"),
        ("", ""),
    ],
)
def test_any_text_becomes_valid_json_that_can_be_stored(message: str, expected: str) -> None:
    line = events.numbered(events.log(AT, "INFO", "l", message, None), 7)

    assert json.loads(line) == {
        "kind": "log",
        "seq": 7,
        "at": "2026-11-21T09:30:00.000000Z",
        "level": "INFO",
        "logger": "l",
        "message": expected,
        "task_run": None,
    }


def test_a_long_line_is_cut_with_a_note() -> None:
    line = json.loads(events.numbered(events.log(AT, "INFO", "l", "ü" * 100_000, None), 1))

    assert len(line["message"].encode()) <= 64 * 1024
    assert line["message"].endswith("[cut here: 200000 bytes]")


def test_a_task_run_carries_at_most_a_hundred_of_those_before_it() -> None:
    made = events.task_run(AT, uuid4(), "n", "k", 3, [uuid4() for _ in range(500)], None)

    assert len(json.loads(events.numbered(made, 1))["upstream"]) == 100
