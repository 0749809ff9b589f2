"""What a file held is remembered, and never believed when it may have changed since."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.code import CodeChanged, CodeTree, collect
from homeport.code.hashes import RACY_NS, Hashes

LATER = RACY_NS + 1_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project/lib").mkdir(parents=True)
    (tmp_path / "project/flow.py").write_text("x = 1\n")
    (tmp_path / "project/lib/words.py").write_text("y = 1\n")
    return tmp_path / "project"


def packed(root: Path, *, after_ns: int = LATER) -> CodeTree:
    """The tree, with hashes remembered beside it, as if `after_ns` had passed since its files were written."""
    return collect(root, hashes=Hashes(root.parent / "home", root, lambda: time.time_ns() + after_ns))


def read_files(root: Path) -> Iterator[str]:
    """Which of the files of a second collection are read: those whose content is replaced unseen."""
    for file in (root.parent / "home/hashes").glob("*.json"):
        document = json.loads(file.read_text())
        for row in document["files"].values():
            row[-2] = "0" * 64
        file.write_text(json.dumps(document))
    for entry in packed(root).manifest.files:
        if entry.sha256 != "0" * 64:
            yield entry.path


def test_files_that_did_not_change_are_not_read_again(root: Path) -> None:
    packed(root)

    assert list(read_files(root)) == []


def test_the_digest_is_the_same_with_and_without_memory(root: Path) -> None:
    assert packed(root).digest == packed(root).digest == collect(root).digest


def test_a_changed_file_is_read_again_and_no_other(root: Path) -> None:
    packed(root)
    (root / "flow.py").write_text("x = 22\n")

    assert list(read_files(root)) == ["flow.py"]


def test_a_change_of_equal_size_with_the_old_times_put_back_is_seen(root: Path) -> None:
    packed(root)
    before = (root / "flow.py").stat()
    (root / "flow.py").write_text("x = 2\n")
    os.utime(root / "flow.py", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert packed(root).digest == collect(root).digest


def test_another_file_moved_to_the_place_with_equal_size_and_times_is_seen(root: Path) -> None:
    (root / "other.py").write_text("x = 2\n")
    os.utime(root / "other.py", ns=(1, 1))
    os.utime(root / "flow.py", ns=(1, 1))
    packed(root)
    (root / "other.py").replace(root / "flow.py")

    assert packed(root).digest == collect(root).digest


def test_a_file_written_a_moment_ago_is_not_remembered(root: Path) -> None:
    packed(root, after_ns=0)

    assert list(read_files(root)) == ["flow.py", "lib/words.py"]


def test_a_file_of_the_future_is_not_remembered(root: Path) -> None:
    os.utime(root / "flow.py", (time.time() + 9_999, time.time() + 9_999))
    packed(root)

    assert list(read_files(root)) == ["flow.py"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"version":"1/1","files":[1]}', b"[" * 99_999])
def test_a_torn_memory_is_no_memory(root: Path, content: bytes) -> None:
    packed(root)
    next((root.parent / "home/hashes").glob("*.json")).write_bytes(content)

    assert packed(root).digest == collect(root).digest


@pytest.mark.parametrize("row", [None, [], [1, 2], ["x"] * 7, {"a": 1}])
def test_a_row_that_is_none_is_not_believed(root: Path, row: object) -> None:
    packed(root)
    file = next((root.parent / "home/hashes").glob("*.json"))
    document = json.loads(file.read_text())
    document["files"]["flow.py"] = row
    file.write_text(json.dumps(document))

    assert packed(root).digest == collect(root).digest


@pytest.mark.parametrize("hash_", ["", "../../escaped", "A" * 64, 7, None])
def test_a_hash_that_is_none_is_not_believed(root: Path, hash_: object) -> None:
    packed(root)
    file = next((root.parent / "home/hashes").glob("*.json"))
    document = json.loads(file.read_text())
    document["files"]["flow.py"][-2] = hash_
    file.write_text(json.dumps(document))

    assert packed(root).digest == collect(root).digest


def test_a_wrong_memory_is_found_out_when_the_file_is_sent_and_the_next_try_is_right(root: Path) -> None:
    packed(root)
    list(read_files(root))  # which leaves wrong hashes behind
    wrong = packed(root)
    assert wrong.manifest.files[0].sha256 == "0" * 64

    with pytest.raises(CodeChanged):
        list(wrong.chunks(wrong.manifest.files[0]))

    assert packed(root).digest == collect(root).digest


def test_what_looked_like_a_secret_is_warned_of_again(root: Path) -> None:
    (root / "settings.json").write_text('{"token": "ghp_0123456789abcdefABCDEF0123456789abcd"}')

    assert packed(root).warnings == packed(root).warnings
    assert "settings.json" in packed(root).warnings[0]
    assert list(read_files(root)) == []


def test_a_home_that_cannot_be_written_is_no_failure(root: Path) -> None:
    (root.parent / "home").write_text("a file")

    assert packed(root).digest == collect(root).digest


def test_processes_that_write_at_once_leave_a_memory_that_is_right(root: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from homeport.code import collect\n"
        "from homeport.code.hashes import Hashes\n"
        "root = Path(sys.argv[1])\n"
        "for turn in range(20):\n"
        "    hashes = Hashes(root.parent / 'home', root, lambda: time.time_ns() + 10**10)\n"
        "    (root / sys.argv[2]).write_text(f'turn = {turn}')\n"
        "    collect(root, hashes=hashes)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(root), f"own-{number}.py"]) for number in range(3)
    ]

    codes = [process.wait(timeout=60) for process in processes]

    # A collection may see the other's file change under it: that is an error, said, and no wrong memory.
    assert all(code in {0, 1} for code in codes)
    assert packed(root).digest == collect(root).digest
    assert [path for path in (root.parent / "home/hashes").iterdir() if path.name.startswith(".")] == []


def test_what_was_not_used_for_a_month_is_forgotten(root: Path) -> None:
    packed(root)
    old = root.parent / "home/hashes/old.json"
    old.write_text("{}")
    os.utime(old, (1, 1))
    (root / "flow.py").write_text("x = 3\n")

    packed(root)

    assert not old.exists()
