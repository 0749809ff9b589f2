"""What every storage that keeps people's files must do: 2.x's methods of file systems. A kind subclasses FilesSuite."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from homeport.code import StorageError
from homeport.storage.files import Files, PathNotFound


class FilesSuite:
    """Subclass it, give the fixtures, and every test here runs against that kind."""

    named: str
    """What messages about a storage that is gone have in them."""

    @pytest.fixture
    def files(self) -> Files:
        """An empty storage, described as a user describes it."""
        raise NotImplementedError

    def raw(self, files: Files, path: str) -> bytes:
        """The bytes of a file, as another program sees it."""
        raise NotImplementedError

    def put_raw(self, files: Files, path: str, content: bytes) -> None:
        """Put a file there, as another program does."""
        raise NotImplementedError

    def gone(self) -> Files:
        """A storage of this kind that nobody can reach."""
        raise NotImplementedError

    def test_what_is_written_is_read_and_seen_by_others_under_its_own_name(self, files: Files) -> None:
        for path, content in (("a.txt", b"one"), ("deep/er/and deeper.bin", bytes(range(256))), ("empty", b"")):
            assert files.write_path(path, content) == path
            assert files.read_path(path) == content
            assert self.raw(files, path) == content

    def test_a_large_file_comes_back_as_it_was_and_the_last_write_stands(self, files: Files) -> None:
        large = os.urandom(3_000_000) * 4

        files.write_path("large", large)
        files.write_path("./large", large[:-1])

        assert files.read_path("large") == large[:-1]

    def test_what_another_program_put_there_is_read(self, files: Files) -> None:
        self.put_raw(files, "by/others.csv", b"1,2")

        assert files.read_path("by/others.csv") == b"1,2"

    def test_what_is_not_there_is_named(self, files: Files) -> None:
        with pytest.raises(PathNotFound, match="there is no file 'nope/x' in "):
            files.read_path("nope/x")
        with pytest.raises(ValueError, match="no file"):
            files.read_path("nope")
        with pytest.raises(FileNotFoundError, match="there is no folder 'nope' in "):
            files.get_directory("nope")

    @pytest.mark.parametrize("path", ["../up", "a/../../up", "/etc/passwd", "a\\b", "a\x00b", "", "."])
    def test_a_path_that_leaves_the_storage_or_names_nothing_is_refused(self, files: Files, path: str) -> None:
        for call in (lambda: files.read_path(path), lambda: files.write_path(path, b"x")):
            with pytest.raises(ValueError, match=r"is no path within|is outside of|has a name"):
                call()

    def test_text_is_refused_with_what_to_write(self, files: Files) -> None:
        content: Any = "text"

        with pytest.raises(TypeError, match=r"keeps bytes, and was given str: content.encode\(\)"):
            files.write_path("a", content)

    def test_a_folder_travels_there_and_back(self, files: Files, tmp_path: Path) -> None:
        tree = {"a.txt": b"a", "b/c.txt": b"c" * 100_000, "b/d/e f.txt": b"", "b/.hidden": b"h", "skip/x.log": b"x"}
        source = planted(tmp_path / "source", tree)
        (tmp_path / "ignore").write_text("# logs\n*.log\n")
        files.write_path("other/z", b"z")

        sent = files.put_directory(str(source), "kept/here", str(tmp_path / "ignore"))
        got = files.get_directory("kept/here", str(tmp_path / "back"))
        again = files.get_directory("kept/here/b/", str(tmp_path / "part"))

        wanted = {name: content for name, content in tree.items() if not name.endswith(".log")}
        assert (sent, got, again) == (4, 4, 3)
        assert found(tmp_path / "back") == wanted
        assert found(tmp_path / "part") == {n.removeprefix("b/"): c for n, c in wanted.items() if n.startswith("b/")}
        assert self.raw(files, "kept/here/b/d/e f.txt") == b""

    def test_many_files_travel_and_a_name_that_begins_like_the_folders_is_not_in_it(
        self, files: Files, tmp_path: Path
    ) -> None:
        tree = {f"{n % 7}/{n:04}.txt": str(n).encode() for n in range(150)}
        files.put_directory(str(planted(tmp_path / "many", tree)), "many")
        files.write_path("many-others/x", b"x")

        assert files.get_directory("many", str(tmp_path / "back")) == 150
        assert found(tmp_path / "back") == tree

    def test_the_whole_storage_and_the_working_folder_are_meant_where_none_is_named(
        self, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(planted(tmp_path / "here", {"x/y": b"1", "z": b"2"}))
        sent = files.put_directory()
        (tmp_path / "there").mkdir()
        monkeypatch.chdir(tmp_path / "there")
        got = files.get_directory()

        assert (sent, got) == (2, 2)
        assert found(tmp_path / "there") == {"x/y": b"1", "z": b"2"}

    async def test_each_is_awaited_in_async_code(self, files: Files, tmp_path: Path) -> None:
        await asyncio.gather(*(files.write_path(f"many/{n}", str(n).encode()) for n in range(5)))

        assert await files.read_path("many/3") == b"3"
        assert await files.get_directory("many", str(tmp_path / "back")) == 5
        assert await files.put_directory(str(tmp_path / "back"), "again") == 5

    def test_a_storage_that_nobody_reaches_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        gone = self.gone()

        for call in (
            lambda: gone.read_path("a"),
            lambda: gone.write_path("a", b"x"),
            lambda: gone.get_directory("a", str(tmp_path)),
        ):
            with pytest.raises((StorageError, PathNotFound)) as error:
                call()
            assert self.named in str(error.value)


def planted(folder: Path, tree: dict[str, bytes]) -> Path:
    for name, content in tree.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def found(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
