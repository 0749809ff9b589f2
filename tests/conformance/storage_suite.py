"""What every kind of storage must do. A kind subclasses a suite and says how to make, reach into and break it.

TreeStorageSuite       any kind: git, an image, a module
└── BlobStorageSuite   kinds that keep bytes under keys, and get trees from BlobStorage
"""

import json
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from homeport.blobs import BlobStore
from homeport.code import (
    CodeChanged,
    CodeMissing,
    CodeTree,
    DigestMismatch,
    Storage,
    StorageError,
    StorageRefused,
    StorageUnreachable,
    UnsafeCode,
    collect,
    open_storage,
)
from homeport.code.manifest import CodeFile, digest_of
from homeport_storage import packs, tree_store
from homeport_storage.indexes import read_index
from homeport_storage.layout import RECENT_KEY, SMALL, blob_key, index_key, manifest_key, pack_key

MIB = 1024 * 1024


class TreeStorageSuite:
    """Subclass it, give the fixtures, and every test here runs against that kind."""

    @pytest.fixture
    def storage(self) -> Storage:
        """A storage with nothing in it."""
        raise NotImplementedError

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        """While this lasts, the storage cannot be reached."""
        raise NotImplementedError
        yield

    def location(self, storage: Storage, reference: dict[str, Any]) -> str:
        """What a user would recognise the storage by in a message."""
        return str(next(value for name, value in reference.items() if name != "kind"))

    @pytest.fixture
    def tree(self, tmp_path: Path) -> CodeTree:
        """A small project; a kind that needs more of it than files (a commit, an image) overrides this."""
        return collect(write_project(tmp_path / "project"))

    def test_what_is_put_is_fetched_again_byte_for_byte(self, storage: Storage, tree: CodeTree, tmp_path: Path) -> None:
        reference = storage.put(tree).reference

        fetched = storage.fetch(reference, tree.digest, tmp_path / "out")

        assert fetched == tree.manifest == collect(tmp_path / "out").manifest

    def test_the_reference_is_plain_json_and_opens_the_same_storage(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = json.loads(json.dumps(storage.put(tree).reference))

        open_storage(reference).fetch(reference, tree.digest, tmp_path / "out")

        assert reference["kind"] == storage.kind
        assert (tmp_path / "out/flow.py").read_text() == "import lib.words\n"

    def test_putting_again_gives_the_same_reference_and_sends_nothing(self, storage: Storage, tree: CodeTree) -> None:
        first = storage.put(tree)

        again = storage.put(tree)

        assert (again.reference, again.digest) == (first.reference, first.digest)
        assert (again.sent_files, again.sent_bytes) == (0, 0)

    def test_another_digest_than_what_is_there_is_an_error_that_names_both_storage_and_digest(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference
        other = "sha256:" + "0" * 64

        with pytest.raises((CodeMissing, DigestMismatch)) as error:
            storage.fetch(reference, other, tmp_path / "out")

        assert other in str(error.value)
        assert self.location(storage, reference) in str(error.value)
        assert not list(tmp_path.glob("*out*"))

    @pytest.mark.parametrize("digest", ["", "sha256:../../x", "md5:" + "0" * 32, "sha256:" + "A" * 64])
    def test_a_digest_that_is_none_is_refused(
        self, storage: Storage, tree: CodeTree, tmp_path: Path, digest: str
    ) -> None:
        reference = storage.put(tree).reference

        with pytest.raises(UnsafeCode):
            storage.fetch(reference, digest, tmp_path / "out")

    def test_a_file_that_is_there_already_is_never_written_through(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference
        (tmp_path / "out").mkdir()
        (tmp_path / "out/flow.py").write_text("mine")

        with pytest.raises(StorageRefused, match="could not be written"):
            storage.fetch(reference, tree.digest, tmp_path / "out")

        assert (tmp_path / "out/flow.py").read_text() == "mine"

    def test_a_storage_that_is_away_is_an_error_that_names_it(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference

        with self.away(storage), pytest.raises(StorageError) as error:
            storage.fetch(reference, tree.digest, tmp_path / "out")

        assert self.location(storage, reference) in str(error.value)
        assert not list(tmp_path.glob("*out*"))

    def test_the_check_says_whether_it_can_be_used(self, storage: Storage) -> None:
        assert storage.check().ok

        with self.away(storage):
            report = storage.check()

        assert not report.ok
        assert report.mend


class BlobStorageSuite(TreeStorageSuite):
    """What a kind that keeps bytes under keys must do besides."""

    replaces_whole: ClassVar[bool] = True
    """Whether the server lets a key be read while it is written over: the old content, or the new one."""

    def write_raw(self, storage: Storage, key: str, data: bytes) -> None:
        """Put bytes under a key behind the storage's back."""
        raise NotImplementedError

    def remove_raw(self, storage: Storage, key: str) -> None:
        """Remove a key behind the storage's back."""
        raise NotImplementedError

    def keys(self, storage: Storage) -> set[str]:
        """All keys that are kept."""
        raise NotImplementedError

    def corrupt(self, storage: Storage, tree: CodeTree, path: str, content: bytes) -> None:
        """Give a stored file another content behind the storage's back."""
        file, key, at = self._place(storage, tree, path)
        whole = b"".join(blobs(storage).read(key))
        self.write_raw(storage, key, whole[:at] + content + whole[at + file.size :])

    def lose(self, storage: Storage, tree: CodeTree, path: str) -> None:
        """Remove a stored file's content behind the storage's back."""
        self.remove_raw(storage, self._place(storage, tree, path)[1])

    def _place(self, storage: Storage, tree: CodeTree, path: str) -> tuple[CodeFile, str, int]:
        """The key under which a file's content is, and at which byte."""
        store = blobs(storage)
        file = next(file for file in tree.manifest.files if file.path == path)
        index = read_index(store, tree.digest) if file.size <= SMALL else None
        for entry in index.packs if index is not None else ():
            pack = packs.parse(entry, b"".join(store.read(pack_key(entry.name), 0, entry.header)))
            for sha256, at in pack.offsets():
                if sha256 == file.sha256:
                    return file, pack_key(entry.name), at
        return file, blob_key(file.sha256), 0

    @pytest.fixture(params=[0, 40], ids=["few files", "many files"])
    def any_tree(self, request: pytest.FixtureRequest, tmp_path: Path) -> CodeTree:
        """A project whose files are kept one by one, and one whose small files are in packs."""
        return collect(write_project(tmp_path / "project", extra=request.param))

    @pytest.fixture
    def many(self, tmp_path: Path) -> CodeTree:
        """A project of 2,000 small files and a large one."""
        return collect(write_project(tmp_path / "project", extra=2_000))

    # Bytes under keys.

    def test_a_blob_is_read_whole_or_in_part(self, storage: Storage) -> None:
        store = blobs(storage)
        content = bytes(range(256)) * 16
        store.write("checks/a", [content[:1000], b"", content[1000:]])

        def read(start: int, length: int | None = None) -> bytes:
            return b"".join(store.read("checks/a", start, length))

        assert store.size("checks/a") == 4096
        assert read(0) == content
        assert read(100) == content[100:]
        assert read(100, 1) == content[100:101]
        assert read(4000, 500) == content[4000:]
        assert [read(0, 0), read(4096), read(4096, 5), read(9999), read(9999, 5)] == [b""] * 5

    def test_an_empty_blob_is_there_and_empty(self, storage: Storage) -> None:
        store = blobs(storage)
        store.write("checks/empty", [])

        assert store.size("checks/empty") == 0
        assert b"".join(store.read("checks/empty")) == b""
        assert b"".join(store.read("checks/empty", 0, 10)) == b""

    def test_what_is_not_there_has_no_size_and_cannot_be_read(self, storage: Storage) -> None:
        store = blobs(storage)

        assert store.size("checks/none") is None
        for start, length in ((0, None), (5, 5)):
            with pytest.raises(KeyError):
                list(store.read("checks/none", start, length))
        store.remove("checks/none")

    def test_the_last_write_stands_and_what_is_removed_is_gone(self, storage: Storage) -> None:
        store = blobs(storage)
        store.write("checks/a", [b"first and longer"])
        store.write("checks/a", [b"second"])
        assert b"".join(store.read("checks/a")) == b"second"

        store.remove("checks/a")

        assert store.size("checks/a") is None
        assert "checks/a" not in self.keys(storage)

    @pytest.mark.parametrize("size", [10, 20 * MIB])
    def test_a_write_that_breaks_off_leaves_what_was_there(self, storage: Storage, size: int) -> None:
        store = blobs(storage)
        store.write("checks/kept", [b"before"])
        before = self.keys(storage)

        def broken() -> Iterator[bytes]:
            for _ in range(0, size, MIB):
                yield b"x" * min(size, MIB)
            raise CodeChanged("flow.py changed while it was being read")

        for key in ("checks/kept", "checks/new"):
            with pytest.raises(CodeChanged):
                store.write(key, broken())

        assert b"".join(store.read("checks/kept")) == b"before"
        assert self.keys(storage) == before

    def test_a_large_blob_passes_through_a_small_memory(self, storage: Storage) -> None:
        store = blobs(storage)
        piece, pieces = bytes(range(256)) * (MIB // 256), 64
        store.size("checks/large")  # what a client is made of is not counted

        tracemalloc.start()
        try:
            store.write("checks/large", (piece for _ in range(pieces)))
            received = sum(len(chunk) for chunk in store.read("checks/large"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert received == store.size("checks/large") == pieces * MIB
        assert peak < 40 * MIB

    def test_many_threads_write_and_read_at_once(self, storage: Storage) -> None:
        store = blobs(storage)
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(3):
                    store.write(f"checks/{number}", [b"%d" % number * 1000])
                    store.write("checks/shared", [b"%d" % (number % 10) * 1000])
                    assert b"".join(store.read(f"checks/{number}")) == b"%d" % number * 1000
                    if self.replaces_whole:
                        assert len(b"".join(store.read("checks/shared"))) == 1000, turn
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert len(b"".join(store.read("checks/shared"))) == 1000

    # Trees.

    def test_equal_files_are_kept_once_and_a_second_version_adds_only_what_changed(
        self, storage: Storage, tree: CodeTree
    ) -> None:
        storage.put(tree)
        before = self.keys(storage)
        assert len(before) == 5 + 1  # six files, two of them equal, and a manifest

        (tree.root / "flow.py").write_text("import lib.words, os\n")
        storage.put(collect(tree.root))

        assert len(self.keys(storage) - before) == 2
        assert before <= self.keys(storage)

    def test_putting_again_changes_nothing(self, storage: Storage, any_tree: CodeTree) -> None:
        storage.put(any_tree)
        before = self.keys(storage)

        again = storage.put(any_tree)

        assert (again.sent_files, again.sent_bytes) == (0, 0)
        assert self.keys(storage) == before

    def test_putting_again_mends_a_storage_that_lost_a_file(
        self, storage: Storage, any_tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(any_tree).reference
        self.lose(storage, any_tree, "flow.py")
        self.corrupt(storage, any_tree, "big.bin", b"short")

        storage.put(any_tree)
        storage.fetch(reference, any_tree.digest, tmp_path / "out")

        assert collect(tmp_path / "out").digest == any_tree.digest

    def test_code_that_is_not_there_is_missing(self, storage: Storage, any_tree: CodeTree, tmp_path: Path) -> None:
        reference = storage.put(any_tree).reference

        with pytest.raises(CodeMissing):
            storage.fetch(reference, "sha256:" + "0" * 64, tmp_path / "out")

    def test_a_missing_file_is_named(self, storage: Storage, any_tree: CodeTree, tmp_path: Path) -> None:
        reference = storage.put(any_tree).reference
        self.lose(storage, any_tree, "flow.py")

        with pytest.raises(CodeMissing, match=r"flow\.py"):
            storage.fetch(reference, any_tree.digest, tmp_path / "out")

        assert not list(tmp_path.glob("*out*"))

    @pytest.mark.parametrize("content", [b"import evil.word\n", b"import evil\n", b"", b"x" * 100_000])
    def test_another_content_is_refused_and_nothing_is_left_on_disk(
        self, storage: Storage, any_tree: CodeTree, tmp_path: Path, content: bytes
    ) -> None:
        reference = storage.put(any_tree).reference
        self.corrupt(storage, any_tree, "flow.py", content)

        with pytest.raises(DigestMismatch) as mismatch:
            storage.fetch(reference, any_tree.digest, tmp_path / "out")

        for part in (any_tree.digest, self.location(storage, reference)):
            assert part in str(mismatch.value)
        assert not list(tmp_path.glob("*out*"))

    def test_many_small_files_travel_together(self, storage: Storage, many: CodeTree, tmp_path: Path) -> None:
        stored = storage.put(many)

        storage.fetch(stored.reference, many.digest, tmp_path / "out")

        assert stored.sent_files > 1_900
        assert len(self.keys(storage)) < 10
        assert collect(tmp_path / "out").digest == many.digest

    def test_of_many_files_only_the_one_that_changed_is_sent(
        self, storage: Storage, many: CodeTree, tmp_path: Path
    ) -> None:
        storage.put(many)
        before = self.keys(storage)
        (many.root / "flow.py").write_text("import lib.words, os\n")
        changed = collect(many.root)

        stored = storage.put(changed)
        storage.fetch(stored.reference, changed.digest, tmp_path / "out")

        assert (stored.sent_files, stored.sent_bytes) == (1, 21)
        assert len(self.keys(storage) - before) == 3  # the file, an index, a manifest
        assert collect(tmp_path / "out").digest == changed.digest

    def test_what_is_on_this_machine_does_not_travel(self, storage: Storage, many: CodeTree, tmp_path: Path) -> None:
        stored = storage.put(many)
        here = {file.sha256: many.root / file.path for file in many.manifest.files if file.path != "many/7/1977.py"}
        counted = Counted(blobs(storage))

        tree_store.fetch(counted, stored.digest, tmp_path / "out", here.get)

        assert collect(tmp_path / "out").digest == many.digest
        assert counted.read_from_packs_and_blobs < 400 * 1024  # the large file alone has 2.5 MB

    def test_what_is_on_this_machine_is_not_believed(
        self, storage: Storage, any_tree: CodeTree, tmp_path: Path
    ) -> None:
        stored = storage.put(any_tree)
        (tmp_path / "lies.py").write_text("import evil\n")
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "pipe")
        wrong = [tmp_path / "lies.py", tmp_path / "folder", tmp_path / "pipe", tmp_path / "nothing", None]
        lies = {file.sha256: wrong[number % 5] for number, file in enumerate(any_tree.manifest.files)}

        storage.fetch(stored.reference, stored.digest, tmp_path / "out", lies.get)

        assert collect(tmp_path / "out").digest == any_tree.digest

    @pytest.mark.parametrize("midway", [False, True])
    def test_a_put_that_breaks_off_registers_nothing_and_the_next_one_sends_only_the_rest(
        self, storage: Storage, tmp_path: Path, midway: bool
    ) -> None:
        reference = storage.put(collect(write_project(tmp_path / "first"))).reference
        for number in range(4):  # a pack, a large file, the index, the manifest
            root = write_project(tmp_path / f"project-{number}", extra=30)
            for path in root.rglob("*.py"):
                path.write_text(f"{path} = {number}\n")
            (root / "big.bin").write_bytes(b"%d" % number * 300_000)
            tree = collect(root)
            breaking = Breaking(blobs(storage), at=number, midway=midway)
            with pytest.raises(StorageUnreachable, match="gone"):
                tree_store.put(breaking, tree)
            with pytest.raises(CodeMissing, match=tree.digest):
                storage.fetch(reference, tree.digest, tmp_path / "out")
            resumed = Counted(blobs(storage))
            tree_store.put(resumed, tree)
            storage.fetch(reference, tree.digest, tmp_path / f"out-{number}")

            assert breaking.written.isdisjoint(resumed.written - {RECENT_KEY})
            assert collect(tmp_path / f"out-{number}").digest == tree.digest

    def test_a_file_that_changes_while_it_is_sent_is_noticed_and_nothing_is_registered(
        self, storage: Storage, any_tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(collect(write_project(tmp_path / "other"))).reference
        before = self.keys(storage)
        for path in ("run.sh", "big.bin"):  # a small file and a large one
            content = (any_tree.root / path).read_bytes()
            (any_tree.root / path).write_bytes(content[:-1] + b"!")
            tree = collect(any_tree.root)
            (any_tree.root / path).write_bytes(content[:-1] + b"?more")

            with pytest.raises(CodeChanged, match=path):
                storage.put(tree)
            with pytest.raises(CodeMissing):
                storage.fetch(reference, tree.digest, tmp_path / "out")

            assert not any(key.startswith("manifests/") for key in self.keys(storage) - before)

    @pytest.mark.parametrize(
        "content", [None, b"", b"{", b"[]", b'{"version":1,"packs":[{}],"loose":[]}', b"[" * 9_999]
    )
    def test_a_lost_or_torn_index_is_missing_code_and_registering_again_mends_it(
        self, storage: Storage, tmp_path: Path, content: bytes | None
    ) -> None:
        tree = collect(write_project(tmp_path / "project", extra=30))
        reference = storage.put(tree).reference
        for key in (index_key(tree.digest), RECENT_KEY):
            if content is None:
                self.remove_raw(storage, key)
            else:
                self.write_raw(storage, key, content)

        with pytest.raises(CodeMissing, match=tree.digest):
            storage.fetch(reference, tree.digest, tmp_path / "out")
        again = storage.put(tree)
        storage.fetch(reference, tree.digest, tmp_path / "out")

        assert again.sent_files == 0  # the packs are found by their names
        assert collect(tmp_path / "out").digest == tree.digest

    def test_an_index_that_lost_a_pack_or_is_of_another_version_is_written_anew(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        def project(name: str, *, extra: int) -> CodeTree:
            root = write_project(tmp_path / name, extra=extra)
            (root / "more").mkdir()
            for number in range(30):
                (root / f"more/{number}.py").write_text(f"{name}, {number}\n")
            return collect(root)

        tree, other = project("one", extra=30), project("two", extra=30)
        storage.put(other)
        reference = storage.put(tree).reference
        store, key = blobs(storage), index_key(tree.digest)
        document = json.loads(b"".join(store.read(key)))
        for wrong in (
            json.dumps(document | {"packs": document["packs"][:-1]}).encode(),
            b"".join(store.read(index_key(other.digest))),
        ):
            self.write_raw(storage, key, wrong)

            storage.put(tree)

            assert storage.fetch(reference, tree.digest, tmp_path / "out") == tree.manifest
            (tmp_path / "out").rename(tmp_path / f"out-{len(wrong)}")

    def test_versions_kept_file_by_file_before_there_were_packs_are_still_fetched(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        reference = storage.put(collect(write_project(tmp_path / "other"))).reference
        tree = collect(write_project(tmp_path / "project", extra=30))
        for file in tree.manifest.files:
            blobs(storage).write(blob_key(file.sha256), tree.chunks(file))
        blobs(storage).write(manifest_key(tree.digest), [tree.manifest.canonical()])

        storage.fetch(reference, tree.digest, tmp_path / "out")

        assert collect(tmp_path / "out").digest == tree.digest

    def test_another_manifest_under_the_digest_is_refused_with_both_digests(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference
        forged = tree.manifest.canonical().replace(b"flow.py", b"evil.py")
        self.write_raw(storage, manifest_key(tree.digest), forged)

        with pytest.raises(DigestMismatch) as mismatch:
            storage.fetch(reference, tree.digest, tmp_path / "out")

        assert tree.digest in str(mismatch.value)
        assert digest_of(forged) in str(mismatch.value)

    @pytest.mark.parametrize("name", ["../escaped.py", "/tmp/escaped.py", "a/../../escaped.py", "lib", "LIB/words.py"])
    def test_a_manifest_that_would_write_outside_of_the_folder_or_two_files_to_one_place_is_refused(
        self, storage: Storage, tree: CodeTree, tmp_path: Path, name: str
    ) -> None:
        reference = storage.put(tree).reference
        forged = tree.manifest.canonical().replace(b'"flow.py"', json.dumps(name).encode())
        digest = digest_of(forged)
        self.write_raw(storage, manifest_key(digest), forged)

        with pytest.raises(UnsafeCode, match=digest):
            storage.fetch(reference, digest, tmp_path / "deep/out")

        assert not list(tmp_path.rglob("escaped.py"))

    def test_two_processes_that_register_at_once_both_succeed(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference
        roots = [write_project(tmp_path / f"at-once-{number}", extra=20) for number in range(2)]
        (roots[1] / "only_here.py").write_text("x = 1\n")

        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PUT, json.dumps(reference), str(root)], stdout=subprocess.PIPE, text=True
            )
            for root in roots
        ]
        digests = [process.communicate(timeout=60)[0].strip() for process in processes]

        assert [process.returncode for process in processes] == [0, 0]
        for number, (root, digest) in enumerate(zip(roots, digests, strict=True)):
            storage.fetch(reference, digest, tmp_path / f"out-{number}")
            assert collect(tmp_path / f"out-{number}").digest == digest == collect(root).digest

    def test_a_check_leaves_nothing_behind(self, storage: Storage, tree: CodeTree) -> None:
        storage.put(tree)
        before = self.keys(storage)

        assert storage.check().ok

        assert self.keys(storage) == before


PUT = """
import json, sys
from pathlib import Path
from homeport.code import collect, open_storage
print(open_storage(json.loads(sys.argv[1])).put(collect(Path(sys.argv[2]))).digest)
"""


def write_project(root: Path, *, extra: int = 0) -> Path:
    """A project of six files, two of them equal, and as many small ones `extra`."""
    (root / "lib").mkdir(parents=True)
    (root / "flow.py").write_text("import lib.words\n")
    (root / "lib/words.py").write_text("HELLO = 'héllo'\n")
    (root / "lib/again.py").write_text("HELLO = 'héllo'\n")
    (root / "empty.py").touch()
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "big.bin").write_bytes(bytes(range(256)) * 10_000)
    for number in range(extra):
        folder = root / f"many/{number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.py").write_text(f"NUMBER = {number}\n" * (number % 50 + 1))
    return root


class Counted(BlobStore):
    """A real store, and what was read from it and written to it."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self.written: set[str] = set()
        self.read_from_packs_and_blobs = 0

    @property
    def where(self) -> str:
        return self._store.where

    @property
    def parallel(self) -> int:
        return 1

    def size(self, key: str) -> int | None:
        return self._store.size(key)

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        self._store.write(key, chunks)
        self.written.add(key)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        for chunk in self._store.read(key, start, length):
            self.read_from_packs_and_blobs += len(chunk) if key.startswith(("packs/", "blobs/")) else 0
            yield chunk

    def remove(self, key: str) -> None:
        self._store.remove(key)


class Breaking(Counted):
    """A real store that is gone from a certain write on: before its first byte, or midway."""

    def __init__(self, store: BlobStore, *, at: int, midway: bool) -> None:
        super().__init__(store)
        self._left, self._midway = at, midway

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        if self._left > 0:
            self._left -= 1
            super().write(key, chunks)
        elif self._midway:
            super().write(key, self._half(chunks))
        else:
            raise StorageUnreachable("the storage is gone")

    def _half(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk[: len(chunk) // 2]
            raise StorageUnreachable("the storage is gone")


def blobs(storage: Storage) -> BlobStore:
    assert isinstance(storage, BlobStore)
    return storage
