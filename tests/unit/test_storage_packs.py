"""Packs: small files travel together, the same ones always in the same pack, and what is read of one is verified."""

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.code import CodeTree, collect
from homeport.code.manifest import CodeFile
from homeport_storage import packs
from homeport_storage.fetching import Pieces
from homeport_storage.folder import FolderStorage
from homeport_storage.indexes import RECENT, note_version, read_index, read_recent, versions_alike
from homeport_storage.layout import FEW, LOOSE, PACK_FILES, PACK_LEAST, PACK_MOST, RECENT_KEY, THIN_PACKS
from homeport_storage.packs import NotAPackError, Pack, PackEntry, gather


def a_file(number: int, size: int) -> CodeFile:
    return CodeFile(f"m{number}.py", "644", hashlib.sha256(b"%d" % number).hexdigest(), size)


def digest(number: int) -> str:
    return "sha256:" + hashlib.sha256(b"%d" % number).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    for number in range(200):
        (tmp_path / f"project/m{number:03}.py").write_text(f"x = {number}\n")
    return tmp_path / "project"


@pytest.fixture
def store(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "kept")


def change(root: Path, numbers: range, turn: int) -> CodeTree:
    for number in numbers:
        (root / f"m{number:03}.py").write_text(f"x = {number}, {turn}\n")
    return collect(root)


def test_packs_hold_every_file_once_and_are_neither_small_nor_endless() -> None:
    files = [a_file(number, 4_000 + number % 3_000) for number in range(20_000)]

    gathered = gather(files)

    assert [file for pack in gathered for file in pack] == files
    assert all(PACK_LEAST <= sum(file.size for file in pack) <= PACK_MOST for pack in gathered[:-1])
    assert 8 <= len(gathered) <= 40


def test_a_file_more_at_the_front_leaves_most_packs_as_they_are() -> None:
    files = [a_file(number, 5_000) for number in range(20_000)]

    before = {Pack.of(pack).entry.name for pack in gather(files)}
    after = {Pack.of(pack).entry.name for pack in gather([a_file(-1, 100), *files])}

    assert len(before - after) <= 2


def test_a_pack_of_empty_files_ends_somewhere() -> None:
    assert [len(pack) for pack in gather([a_file(number, 0) for number in range(PACK_FILES * 2 + 1)])] == [
        PACK_FILES,
        PACK_FILES,
        1,
    ]


@pytest.mark.parametrize("damage", ["short", "long", "other", "no json", "number", "hash", "size", "version"])
def test_a_first_line_that_is_another_is_no_pack(damage: str) -> None:
    pack = Pack.of([a_file(1, 10), a_file(2, 20)])
    header = pack.header
    document = json.loads(header)
    forged = {
        "short": header[:-1],
        "long": header + b" ",
        "other": Pack.of([a_file(1, 10)]).header,
        "no json": b"{",
        "number": b"7\n",
        "hash": json.dumps({**document, "files": [["../x", 1]]}).encode(),
        "size": json.dumps({**document, "files": [[a_file(1, 1).sha256, -1]]}).encode(),
        "version": json.dumps({**document, "version": 2}).encode(),
    }[damage]

    assert packs.parse(pack.entry, header) == pack
    with pytest.raises(NotAPackError):
        packs.parse(pack.entry, forged)
    named_for_it = PackEntry(hashlib.sha256(forged).hexdigest(), len(forged), len(forged) + 30)
    if damage != "other":
        with pytest.raises(NotAPackError):
            packs.parse(named_for_it, forged if damage not in {"short", "long"} else header)


@given(content=st.binary(max_size=300), cuts=st.lists(st.integers(1, 50)), data=st.data())
def test_pieces_are_the_same_however_the_stream_is_cut(content: bytes, cuts: list[int], data: st.DataObject) -> None:
    def chunks() -> Iterator[bytes]:
        at = 0
        for cut in cuts:
            if content[at : at + cut]:
                yield content[at : at + cut]
            at += cut
        if content[at:]:
            yield content[at:]

    pieces, at = Pieces(chunks(), 1000), 0
    for _ in range(data.draw(st.integers(0, 8))):
        start = data.draw(st.integers(at, at + 100))
        size = data.draw(st.integers(0, 100))
        assert pieces.take(1000 + start, size) == content[start : start + size]
        at = start + size


def test_many_registrations_of_few_changes_do_not_leave_ever_more_single_files(
    root: Path, store: FolderStorage, tmp_path: Path
) -> None:
    store.put(collect(root))

    for turn in range(LOOSE // FEW + 2):
        tree = change(root, range(turn * FEW, (turn + 1) * FEW), turn)
        store.put(tree)

    index = read_index(store, tree.digest)
    assert index is not None
    assert len(index.loose) <= LOOSE
    assert len(index.packs) >= 2
    store.fetch(store.reference(), tree.digest, tmp_path / "out")
    assert collect(tmp_path / "out").digest == tree.digest


def test_many_registrations_of_more_changes_do_not_leave_ever_more_thin_packs(
    root: Path, store: FolderStorage, tmp_path: Path
) -> None:
    store.put(collect(root))
    most = 0

    for turn in range(THIN_PACKS + 5):
        # Overlapping by all but a few, so that a file of each pack stays in use.
        tree = change(root, range(turn * 5, turn * 5 + FEW + 1), turn)
        store.put(tree)
        index = read_index(store, tree.digest)
        assert index is not None
        most = max(most, len(index.packs))

    assert THIN_PACKS / 2 < most <= THIN_PACKS + 1
    store.fetch(store.reference(), tree.digest, tmp_path / "out")
    assert collect(tmp_path / "out").digest == tree.digest


def test_the_versions_looked_into_are_those_that_share_files(store: FolderStorage) -> None:
    for project in range(10):
        note_version(
            store,
            read_recent(store),
            digest(project),
            [a_file(project * 1000 + number, 1).sha256 for number in range(100)],
        )

    changed = [a_file(3000 + number, 1).sha256 for number in range(1, 100)]

    assert versions_alike(read_recent(store), changed) == [digest(3)]
    assert versions_alike(read_recent(store), [a_file(77_777, 1).sha256]) == []


def test_only_so_many_versions_are_listed_and_the_last_one_is(store: FolderStorage) -> None:
    for number in range(RECENT + 10):
        note_version(store, read_recent(store), digest(number), [a_file(7, 1).sha256])

    listed = json.loads((store.path / RECENT_KEY).read_bytes())["trees"]

    assert len(listed) == RECENT
    assert listed[0]["digest"] == digest(RECENT + 9)


def test_a_storage_that_lets_nothing_be_replaced_takes_every_version(root: Path, store: FolderStorage) -> None:
    store.put(collect(root))
    recent = store.path / RECENT_KEY
    recent.unlink()
    recent.mkdir()
    (recent / "kept").touch()

    tree = change(root, range(1), 1)
    stored = store.put(tree)

    assert stored.sent_files >= 1
    assert read_index(store, tree.digest) is not None


def test_a_large_tree_passes_through_a_small_memory_both_ways(tmp_path: Path, store: FolderStorage) -> None:
    root = tmp_path / "large"
    root.mkdir()
    for number in range(100, 200):  # packs of 10 MiB together, and a large file
        (root / f"{number}.bin").write_bytes(b"%d" % number * 35_000)
    with (root / "huge.bin").open("wb") as out:
        out.truncate(32 * 1024 * 1024)

    tracemalloc.start()
    try:
        tree = collect(root)
        store.put(tree)
        store.fetch(store.reference(), tree.digest, tmp_path / "out")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (tmp_path / "out/huge.bin").stat().st_size == 32 * 1024 * 1024
    assert peak < 12 * 1024 * 1024
