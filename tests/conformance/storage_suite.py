"""What every kind of storage must do. A kind subclasses a suite and says how to make, reach into and break it.

TreeStorageSuite       any kind: git, an image, a module
└── BlobStorageSuite   kinds that keep bytes under keys, and get trees from BlobStorage
"""

import json
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
    UnsafeCode,
    collect,
    open_storage,
)
from homeport.code.manifest import digest_of
from homeport_storage.tree_store import blob_key, manifest_key

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
        self.write_raw(storage, blob_key(sha256_of(tree, path)), content)

    def lose(self, storage: Storage, tree: CodeTree, path: str) -> None:
        """Remove a stored file's content behind the storage's back."""
        self.remove_raw(storage, blob_key(sha256_of(tree, path)))

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
                    assert len(b"".join(store.read("checks/shared"))) == 1000, turn
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []

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

    def test_putting_again_changes_nothing(self, storage: Storage, tree: CodeTree) -> None:
        storage.put(tree)
        before = self.keys(storage)

        storage.put(tree)

        assert self.keys(storage) == before

    def test_putting_again_mends_a_storage_that_lost_a_file(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference
        self.lose(storage, tree, "flow.py")
        self.corrupt(storage, tree, "big.bin", b"short")

        storage.put(tree)
        storage.fetch(reference, tree.digest, tmp_path / "out")

        assert collect(tmp_path / "out").digest == tree.digest

    def test_code_that_is_not_there_is_missing(self, storage: Storage, tree: CodeTree, tmp_path: Path) -> None:
        reference = storage.put(tree).reference

        with pytest.raises(CodeMissing):
            storage.fetch(reference, "sha256:" + "0" * 64, tmp_path / "out")

    def test_a_missing_file_is_named(self, storage: Storage, tree: CodeTree, tmp_path: Path) -> None:
        reference = storage.put(tree).reference
        self.lose(storage, tree, "flow.py")

        with pytest.raises(CodeMissing, match=r"flow\.py"):
            storage.fetch(reference, tree.digest, tmp_path / "out")

        assert not list(tmp_path.glob("*out*"))

    @pytest.mark.parametrize("content", [b"import evil\n", b"", b"x" * 100_000])
    def test_another_content_is_refused_and_nothing_is_left_on_disk(
        self, storage: Storage, tree: CodeTree, tmp_path: Path, content: bytes
    ) -> None:
        reference = storage.put(tree).reference
        self.corrupt(storage, tree, "flow.py", content)

        with pytest.raises(DigestMismatch) as mismatch:
            storage.fetch(reference, tree.digest, tmp_path / "out")

        for part in ("flow.py", tree.digest, self.location(storage, reference)):
            assert part in str(mismatch.value)
        assert not list(tmp_path.glob("*out*"))

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

    @pytest.mark.parametrize("name", ["../escaped.py", "/tmp/escaped.py", "a/../../escaped.py", "lib"])
    def test_a_manifest_that_would_write_outside_of_the_folder_is_refused(
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


def blobs(storage: Storage) -> BlobStore:
    assert isinstance(storage, BlobStore)
    return storage


def sha256_of(tree: CodeTree, path: str) -> str:
    return next(file.sha256 for file in tree.manifest.files if file.path == path)
