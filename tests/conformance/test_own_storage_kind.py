"""The kind of docs/guides/own-storage-kind.md: what somebody else writes in forty lines keeps what ours promise."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from homeport.blocks.types import block_type
from homeport.code.storage import Storage, storage_class
from tests.conformance.storage_suite import BlobStorageSuite
from tests.services.pages import ROOT, blocks

PAGE = ROOT / "docs/guides/own-storage-kind.md"


@pytest.fixture(scope="module")
def kind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[Any]]:
    """The class of the guide's package, installed and found by its entry point, here and in processes of tests."""
    package, installed = tmp_path_factory.mktemp("package"), tmp_path_factory.mktemp("installed")
    for kind in ("toml", "python"):
        for body in blocks(PAGE.read_text(), kind):
            path = package / body.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(body)
    # What builds the package is here: nothing is fetched.
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--root-user-action", "ignore")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", installed, package / "homeport-sqlite"],
        check=True,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(installed))
        patch.setenv("PYTHONPATH", str(installed))
        yield storage_class("sqlite")
    sys.modules.pop("homeport_sqlite", None)


def test_it_is_written_in_forty_lines() -> None:
    page = PAGE.read_text()
    shown = [body for kind in ("toml", "python") for body in blocks(page, kind) if "homeport-sqlite/" in body]

    lines = [line for body in shown for line in body.splitlines()[1:] if line.strip()]

    assert len(shown) == 2
    assert len(lines) <= 40


class TestSqliteStorage(BlobStorageSuite):
    @pytest.fixture
    def storage(self, kind: type[Any], tmp_path: Path) -> Storage:
        made: Storage = kind.from_reference({"kind": "sqlite", "path": str(tmp_path / "kept.db")})
        return made

    def write_raw(self, storage: Any, key: str, data: bytes) -> None:
        storage.write(key, [data])

    def remove_raw(self, storage: Any, key: str) -> None:
        storage.remove(key)

    def keys(self, storage: Any) -> set[str]:
        file = storage.reference()["path"]
        if not Path(file).exists():
            return set()
        with closing(sqlite3.connect(file)) as db:
            return {key for (key,) in db.execute("select key from blob")}

    @contextmanager
    def away(self, storage: Any) -> Iterator[None]:
        file = Path(storage.reference()["path"])
        hidden = file.rename(file.with_name("unmounted")) if file.exists() else None
        file.mkdir()
        yield
        file.rmdir()
        if hidden is not None:
            hidden.rename(file)

    def test_it_is_a_type_of_block_with_the_version_of_its_package(self, storage: Any) -> None:
        found = block_type("sqlite")

        assert (found.title, found.version, found.is_storage) == ("SQLite file", "1.0.0", True)
        assert [field["name"] for field in found.described_fields()] == ["path"]
        assert storage.where == f"the SQLite file {storage.reference()['path']}"
