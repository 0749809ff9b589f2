"""What storages keep open: the same for who asks alike, another one as soon as anything is different."""

import os
from pathlib import Path

import pytest

from homeport_storage.kept import MOST, UNUSED_SECONDS, Kept, stamp


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_who_asks_alike_is_given_the_same() -> None:
    kept: Kept[object] = Kept()

    assert kept.get(("s3", "key"), object) is kept.get(("s3", "key"), object)
    assert kept.get(("s3", "key"), object) is not kept.get(("s3", "other key"), object)


def test_another_environment_is_another_client(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: Kept[object] = Kept()
    before = kept.get("s3", object)

    monkeypatch.setenv("AWS_PROFILE", "prod")
    with_profile = kept.get("s3", object)
    monkeypatch.delenv("AWS_PROFILE")

    assert with_profile is not before
    assert kept.get("s3", object) is before


def test_what_nobody_asked_for_in_a_while_is_opened_anew() -> None:
    clock = Clock()
    kept: Kept[object] = Kept(clock)
    first = kept.get("s3", object)

    clock.now += UNUSED_SECONDS - 1
    still = kept.get("s3", object)
    clock.now += UNUSED_SECONDS + 1

    assert still is first
    assert kept.get("s3", object) is not first


def test_only_so_many_are_kept_and_those_used_last() -> None:
    kept: Kept[object] = Kept()
    first, second = kept.get(0, object), kept.get(1, object)
    for number in range(2, MOST):
        kept.get(number, object)

    assert kept.get(0, object) is first
    kept.get("one more", object)

    assert kept.get(0, object) is first
    assert kept.get(1, object) is not second


def test_a_forked_process_does_not_use_its_parents_connections() -> None:
    kept: Kept[int] = Kept()
    kept.get("s3", os.getpid)
    reading, writing = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(writing, b"own" if kept.get("s3", os.getpid) == os.getpid() else b"the parent's")
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reading, 100) == b"own"
    os.close(reading)
    os.close(writing)


def test_a_process_that_was_forked_while_something_was_being_opened_does_not_wait_for_it() -> None:
    kept: Kept[int] = Kept()

    def fork_within() -> int:
        child = os.fork()
        if child == 0:
            os._exit(kept.get("s3", lambda: 7))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert kept.get("azure", fork_within) == 7


def test_a_file_that_changed_is_another_stamp(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    none = stamp(str(file))
    file.write_text("[default]")
    before = stamp(str(file))
    file.write_text("[default] key = other")

    assert len({none, before, stamp(str(file))}) == 3
    assert stamp(str(file)) == stamp(str(file))
