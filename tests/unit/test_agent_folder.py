"""What an agent keeps on disk: its name, its records, what runs wrote."""

import os
import stat
from pathlib import Path

import pytest

from homeport_agent import output_files
from homeport_agent.agent_client import Claim
from homeport_agent.attempt_records import AttemptRecords
from homeport_agent.name_lock import NameTaken, left_without_agent, take_name
from homeport_agent.options import default_limit

CLAIM = Claim(
    attempt_id="01a1fd93-7a4f-7248-826f-5045f914be26",
    attempt_number=1,
    run_token="hp_run_secret",
    lease_seconds=60,
    flow_run_id="f",
    flow_run_name="quiet-otter",
    flow_name="f",
    project_name="p",
    deployment_name="default",
    entrypoint="flow.py:f",
    storage={},
    content_digest="",
    parameters={},
    run_config={},
    labels=[],
    scheduled_at="",
)


def test_a_second_agent_with_the_default_name_gets_a_number(tmp_path: Path) -> None:
    first = take_name(tmp_path, "local-host", may_number=True)
    second = take_name(tmp_path, "local-host", may_number=True)

    assert (first.name, second.name) == ("local-host", "local-host-2")
    os.close(first.descriptor)

    third = take_name(tmp_path, "local-host", may_number=True)
    assert third.name == "local-host"
    os.close(second.descriptor)
    os.close(third.descriptor)


def test_a_second_agent_with_a_chosen_name_is_told_who_has_it(tmp_path: Path) -> None:
    first = take_name(tmp_path, "mine", may_number=False)

    with pytest.raises(NameTaken, match=f"pid {os.getpid()}"):
        take_name(tmp_path, "mine", may_number=False)

    os.close(first.descriptor)


def test_runs_of_an_agent_that_is_gone_are_not_forgotten(tmp_path: Path) -> None:
    gone, here = take_name(tmp_path, "gone/1", may_number=False), take_name(tmp_path, "here", may_number=False)
    AttemptRecords(gone.folder).create(CLAIM)
    AttemptRecords(here.folder).create(CLAIM)

    os.close(gone.descriptor)

    assert left_without_agent(tmp_path) == {"gone/1": 1}
    os.close(here.descriptor)


def test_a_name_with_slashes_and_dots_stays_in_the_home_folder(tmp_path: Path) -> None:
    lock = take_name(tmp_path, "../../etc/é", may_number=False)

    assert lock.folder.parent == tmp_path / "agents"
    os.close(lock.descriptor)


async def test_a_record_survives_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    record = AttemptRecords(tmp_path).create(CLAIM)
    record = AttemptRecords(tmp_path).spawned(record, 4711, 12.5)

    [found] = AttemptRecords(tmp_path).left_behind()

    assert found == record
    for path in (record.folder / "record.json", record.folder, record.work):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    await found.remove()
    assert list(AttemptRecords(tmp_path).left_behind()) == []


def test_a_damaged_record_is_removed(tmp_path: Path) -> None:
    record = AttemptRecords(tmp_path).create(CLAIM)
    (record.folder / "record.json").write_text("{")

    assert list(AttemptRecords(tmp_path).left_behind()) == []
    assert not record.folder.exists()


def test_the_tail_of_errors_holds_no_source_code(tmp_path: Path) -> None:
    errors = tmp_path / "errors.log"
    errors.write_text(
        "warning: low disk\n"
        "Traceback (most recent call last):\n"
        '  File "/x/flow.py", line 3, in f\n'
        "    connect(password='canary')\n"
        "            ^^^^^^^^^^^^^^^^^\n"
        "ValueError: no route\n"
    )

    tail = output_files.error_tail(errors)

    assert "canary" not in tail
    assert "warning: low disk" in tail
    assert tail.endswith("ValueError: no route")


def test_binary_errors_and_missing_ones_have_a_tail_too(tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b"\xff\x00" * 100_000)

    assert len(output_files.error_tail(tmp_path / "e")) <= output_files.TAIL_CHARACTERS
    assert output_files.error_tail(tmp_path / "none") == ""


def test_a_flood_of_output_is_cut_to_its_end(tmp_path: Path) -> None:
    output = tmp_path / "output.log"
    with output.open("ab") as writer:
        writer.write(b"x" * (output_files.LARGEST + 1) + b"the end")
        writer.flush()
        output_files.trim(output)
        writer.write(b", and more")

    assert output.stat().st_size < 2 * output_files.KEPT
    assert output.read_bytes().endswith(b"the end, and more")


def test_the_default_limit_comes_from_the_cores() -> None:
    assert default_limit() >= 2
