"""What every kind of storage must do. A kind subclasses StorageSuite and says how to make, reach into and break it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport.code import (
    CodeMissing,
    CodeTree,
    DigestMismatch,
    Storage,
    StorageError,
    UnsafeCode,
    collect,
    open_storage,
)
from homeport.code.manifest import digest_of


class StorageSuite:
    """Subclass it, give the fixtures, and every test here runs against that kind."""

    @pytest.fixture
    def storage(self) -> Storage:
        """An empty storage."""
        raise NotImplementedError

    def write_raw(self, storage: Storage, key: str, data: bytes) -> None:
        """Put bytes under a key behind the storage's back."""
        raise NotImplementedError

    def remove_raw(self, storage: Storage, key: str) -> None:
        """Remove a key behind the storage's back."""
        raise NotImplementedError

    def keys(self, storage: Storage) -> set[str]:
        """All keys that are kept."""
        raise NotImplementedError

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        """While this lasts, the storage cannot be reached."""
        raise NotImplementedError
        yield

    @pytest.fixture
    def tree(self, tmp_path: Path) -> CodeTree:
        root = tmp_path / "project"
        (root / "lib").mkdir(parents=True)
        (root / "flow.py").write_text("import lib.words\n")
        (root / "lib/words.py").write_text("HELLO = 'héllo'\n")
        (root / "lib/again.py").write_text("HELLO = 'héllo'\n")
        (root / "empty.py").touch()
        (root / "run.sh").write_text("#!/bin/sh\n")
        (root / "run.sh").chmod(0o755)
        (root / "big.bin").write_bytes(bytes(range(256)) * 10_000)
        return collect(root)

    def test_what_is_put_is_fetched_again_byte_for_byte(self, storage: Storage, tree: CodeTree, tmp_path: Path) -> None:
        reference = storage.put(tree).reference

        storage.fetch(reference, tree.digest, tmp_path / "out")

        assert collect(tmp_path / "out").digest == tree.digest

    def test_the_reference_is_plain_json_and_opens_the_same_storage(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = json.loads(json.dumps(storage.put(tree).reference))

        open_storage(reference).fetch(reference, tree.digest, tmp_path / "out")

        assert reference["kind"] == storage.kind
        assert (tmp_path / "out/flow.py").read_text() == "import lib.words\n"

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
        first = storage.put(tree)
        before = self.keys(storage)

        again = storage.put(tree)

        assert (again.reference, again.digest) == (first.reference, first.digest)
        assert (again.sent_files, again.sent_bytes) == (0, 0)
        assert self.keys(storage) == before

    def test_putting_again_mends_a_storage_that_lost_a_file(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference
        self.remove_raw(storage, blob_of(tree, "flow.py"))
        self.write_raw(storage, blob_of(tree, "big.bin"), b"short")

        storage.put(tree)
        storage.fetch(reference, tree.digest, tmp_path / "out")

        assert collect(tmp_path / "out").digest == tree.digest

    def test_code_that_is_not_there_is_missing_and_the_message_names_storage_and_digest(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference
        other = "sha256:" + "0" * 64

        with pytest.raises(CodeMissing) as missing:
            storage.fetch(reference, other, tmp_path / "out")

        assert other in str(missing.value)
        assert location(reference) in str(missing.value)

    def test_a_missing_file_is_named(self, storage: Storage, tree: CodeTree, tmp_path: Path) -> None:
        reference = storage.put(tree).reference
        self.remove_raw(storage, blob_of(tree, "flow.py"))

        with pytest.raises(CodeMissing, match=r"flow\.py"):
            storage.fetch(reference, tree.digest, tmp_path / "out")

        assert not list(tmp_path.glob("*out*"))

    @pytest.mark.parametrize("content", [b"import evil\n", b"", b"x" * 100_000])
    def test_another_content_is_refused_and_nothing_is_left_on_disk(
        self, storage: Storage, tree: CodeTree, tmp_path: Path, content: bytes
    ) -> None:
        reference = storage.put(tree).reference
        self.write_raw(storage, blob_of(tree, "flow.py"), content)

        with pytest.raises(DigestMismatch) as mismatch:
            storage.fetch(reference, tree.digest, tmp_path / "out")

        for part in ("flow.py", tree.digest, location(reference)):
            assert part in str(mismatch.value)
        assert not list(tmp_path.glob("*out*"))

    def test_another_manifest_under_the_digest_is_refused_with_both_digests(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference
        forged = tree.manifest.canonical().replace(b"flow.py", b"evil.py")
        self.write_raw(storage, f"manifests/{tree.digest[7:]}.json", forged)

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
        self.write_raw(storage, f"manifests/{digest[7:]}.json", forged)

        with pytest.raises(UnsafeCode, match=digest):
            storage.fetch(reference, digest, tmp_path / "deep/out")

        assert not list(tmp_path.rglob("escaped.py"))

    @pytest.mark.parametrize("digest", ["", "sha256:../../x", "md5:" + "0" * 32, "sha256:" + "A" * 64])
    def test_a_digest_that_is_none_is_refused(
        self, storage: Storage, tree: CodeTree, tmp_path: Path, digest: str
    ) -> None:
        reference = storage.put(tree).reference

        with pytest.raises(UnsafeCode):
            storage.fetch(reference, digest, tmp_path / "out")

    def test_a_storage_that_is_away_is_an_error_that_names_it(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference

        with self.away(storage), pytest.raises(StorageError) as error:
            storage.fetch(reference, tree.digest, tmp_path / "out")

        assert location(reference) in str(error.value)

    def test_the_check_says_whether_it_can_be_used(self, storage: Storage) -> None:
        assert storage.check().ok
        before = self.keys(storage)

        with self.away(storage):
            report = storage.check()

        assert self.keys(storage) == before
        assert not report.ok
        assert report.mend


def blob_of(tree: CodeTree, path: str) -> str:
    sha256 = next(file.sha256 for file in tree.manifest.files if file.path == path)
    return f"blobs/{sha256[:2]}/{sha256}"


def location(reference: dict[str, object]) -> str:
    """What of the reference a user would recognise in a message."""
    return str(next(value for name, value in reference.items() if name != "kind"))
