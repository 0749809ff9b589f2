"""A folder as storage."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport.code import CodeTree, Storage, StorageRefused, StorageUnreachable, UnknownStorageKind, open_storage
from homeport_storage.folder import FolderStorage
from tests.conformance.storage_suite import BlobStorageSuite


class TestFolderStorage(BlobStorageSuite):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return FolderStorage(tmp_path / "kept")

    def write_raw(self, storage: Storage, key: str, data: bytes) -> None:
        (folder_of(storage) / key).parent.mkdir(parents=True, exist_ok=True)
        (folder_of(storage) / key).write_bytes(data)

    def remove_raw(self, storage: Storage, key: str) -> None:
        (folder_of(storage) / key).unlink()

    def keys(self, storage: Storage) -> set[str]:
        folder = folder_of(storage)
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        folder = folder_of(storage)
        hidden = folder.rename(folder.with_name("unmounted"))
        folder.write_text("a file where the share was mounted")
        yield
        folder.unlink()
        hidden.rename(folder)

    def test_a_share_that_is_not_mounted_is_unreachable_and_says_so(
        self, storage: Storage, tree: CodeTree, tmp_path: Path
    ) -> None:
        reference = storage.put(tree).reference
        folder_of(storage).rename(tmp_path / "unmounted")

        with pytest.raises(StorageUnreachable, match="Is the share mounted"):
            storage.fetch(reference, tree.digest, tmp_path / "out")

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="left out: what a descriptor is of is told by Linux")
    def test_all_is_on_the_disk_before_it_has_its_name_and_the_manifest_gets_its_last(
        self, tmp_path: Path, any_tree: CodeTree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        happened: list[tuple[str, str]] = []
        fsync, replace = os.fsync, os.replace

        def synced(descriptor: int) -> None:
            fsync(descriptor)
            happened.append(("on the disk", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

        def named(source: Path, target: Path) -> None:
            replace(source, target)
            happened.append(("named", str(target)))
            part_of[str(target)] = str(source)

        part_of: dict[str, str] = {}
        storage = FolderStorage(tmp_path / "kept")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", synced)
            patch.setattr(os, "replace", named)
            storage.put(any_tree)

        assert {str(storage.path / key) for key in self.keys(storage)} == part_of.keys()
        for target, part in part_of.items():
            at = happened.index(("named", target))
            assert ("on the disk", part) in happened[:at]
            assert ("on the disk", str(Path(target).parent)) in happened[at:]
        manifests = [target for target in part_of if "/manifests/" in target]
        others = [target for target in part_of if "/manifests/" not in target and not target.endswith("recent.json")]
        assert len(manifests) == 1
        assert all(happened.index(("named", other)) < happened.index(("named", manifests[0])) for other in others)

    @pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self").exists(), reason="needs a read-only place")
    def test_a_read_only_place_is_refused_by_name(self, tree: CodeTree) -> None:
        with pytest.raises((StorageRefused, StorageUnreachable), match="/proc/homeport"):
            FolderStorage("/proc/homeport").put(tree)


def test_a_kind_that_is_not_installed_is_named_with_those_that_are() -> None:
    with pytest.raises(UnknownStorageKind, match=r"'cloud9'.*folder"):
        open_storage({"kind": "cloud9"})


def folder_of(storage: Storage) -> Path:
    assert isinstance(storage, FolderStorage)
    return storage.path
