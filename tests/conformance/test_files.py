"""2.x's file systems over every kind that keeps files: a folder, S3, Azure, Google Cloud Storage, SMB."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.code import CodeMissing
from homeport.filesystems import GCS, S3, SMB, Azure, Git, LocalFileSystem
from homeport.storage.files import Files
from tests.conformance.files_suite import FilesSuite, found, planted
from tests.services.azurite import Azurite, azurite
from tests.services.gcs_server import GcsServer, gcs_server
from tests.services.git_server import TOKEN, GitServer
from tests.services.s3_server import S3Server, s3_server
from tests.services.samba import Samba
from tests.services.stack import Stack


@pytest.fixture(scope="module")
def of_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="module")
def of_azure() -> Iterator[Azurite]:
    with azurite() as running:
        yield running


@pytest.fixture(scope="module")
def of_google() -> Iterator[GcsServer]:
    with gcs_server() as running:
        yield running


class TestLocalFiles(FilesSuite):
    named = "a-file"

    @pytest.fixture
    def files(self, tmp_path: Path) -> Files:
        self.folder = tmp_path / "kept"
        self.folder.mkdir()
        return LocalFileSystem(basepath=str(self.folder))

    def raw(self, files: Files, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def put_raw(self, files: Files, path: str, content: bytes) -> None:
        planted(self.folder, {path: content})

    def gone(self) -> Files:
        return LocalFileSystem(basepath=f"{__file__}/a-file/below")

    def test_absolute_paths_are_taken_that_lie_within_it(self, files: Files, tmp_path: Path) -> None:
        files.write_path(str(self.folder / "a/b"), b"x")

        assert files.read_path(str(self.folder / "a/b")) == files.read_path("a/b") == b"x"
        with pytest.raises(ValueError, match="is outside of the folder"):
            files.read_path(str(tmp_path / "other"))

    def test_the_working_folder_is_meant_where_none_is_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)

        LocalFileSystem().write_path("a/b", b"x")

        assert (tmp_path / "a/b").read_bytes() == b"x"


class TestS3Files(FilesSuite):
    named = "s3://gone"

    @pytest.fixture
    def files(self, of_s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Files:
        for name, value in of_s3.environment.items():
            monkeypatch.setenv(name, value)
        self.server = of_s3
        fields = of_s3.fields(of_s3.bucket(), prefix="of/team")
        return S3(**{name: value for name, value in fields.items() if name != "kind"})

    def raw(self, files: Files, path: str) -> bytes:
        got = self.server.client().get_object(Bucket=files.bucket, Key=f"of/team/{path}")
        content: bytes = got["Body"].read()
        return content

    def put_raw(self, files: Files, path: str, content: bytes) -> None:
        self.server.client().put_object(Bucket=files.bucket, Key=f"of/team/{path}", Body=content)

    def gone(self) -> Files:
        keys = {"access_key_id": "env:PATH", "secret_access_key": "env:PATH"}
        return S3("gone", endpoint_url="http://127.0.0.1:9", region="us-east-1", max_attempts=1, **keys)


class TestAzureFiles(FilesSuite):
    named = "Azure container gone"

    @pytest.fixture
    def files(self, of_azure: Azurite, monkeypatch: pytest.MonkeyPatch) -> Files:
        for name, value in of_azure.environment.items():
            monkeypatch.setenv(name, value)
        self.server = of_azure
        fields = of_azure.fields(of_azure.container(), prefix="of/team")
        return Azure(**{name: value for name, value in fields.items() if name != "kind"})

    def raw(self, files: Files, path: str) -> bytes:
        return self.server.client(files.container).download_blob(f"of/team/{path}").readall()

    def put_raw(self, files: Files, path: str, content: bytes) -> None:
        self.server.client(files.container).upload_blob(f"of/team/{path}", content)

    def gone(self) -> Files:
        os.environ["GONE_KEY"] = "Z29uZQ=="
        return Azure("gone", account_url="http://127.0.0.1:9/acme", account_name="acme", account_key="env:GONE_KEY",
                     max_attempts=1)  # fmt: skip


class TestGcsFiles(FilesSuite):
    named = "gs://gone"

    @pytest.fixture
    def files(self, of_google: GcsServer) -> Files:
        self.server = of_google
        fields = of_google.fields(of_google.bucket(), prefix="of/team")
        return GCS(**{name: value for name, value in fields.items() if name != "kind"})  # type: ignore[arg-type]

    def raw(self, files: Files, path: str) -> bytes:
        content: bytes = self.server.client().bucket(files.bucket).blob(f"of/team/{path}").download_as_bytes()
        return content

    def put_raw(self, files: Files, path: str, content: bytes) -> None:
        self.server.client().bucket(files.bucket).blob(f"of/team/{path}").upload_from_string(content)

    def gone(self) -> Files:
        return GCS("gone", endpoint="http://127.0.0.1:9", retry_seconds=0.1)


class TestSmbFiles(FilesSuite):
    named = "//127.0.0.1:9/gone"

    @pytest.fixture
    def files(self, samba: Samba) -> Files:
        self.samba, self.path = samba, f"{uuid.uuid4().hex}/team"
        fields = samba.reference("data", self.path)
        return SMB(**{name: value for name, value in fields.items() if name != "kind"})

    def raw(self, files: Files, path: str) -> bytes:
        return (self.samba.share() / self.path / path).read_bytes()

    def put_raw(self, files: Files, path: str, content: bytes) -> None:
        planted(self.samba.share() / self.path, {path: content})
        top = self.samba.share() / self.path.partition("/")[0]
        subprocess.run(["chown", "-R", self.samba.user, str(top)], check=True)

    def gone(self) -> Files:
        return SMB("gone", host="127.0.0.1", port=9, username="u", password="env:PATH", connect_timeout=1)

    def test_names_that_windows_keeps_for_itself_come_back(self, files: Files, tmp_path: Path) -> None:
        for path in ("12:30.txt", "con/aux.txt", "100%.txt", "ends."):
            files.write_path(path, path.encode())

        assert files.get_directory(local_path=str(tmp_path)) == 4
        assert found(tmp_path) == {p: p.encode() for p in ("12:30.txt", "con/aux.txt", "100%.txt", "ends.")}


async def test_a_repositorys_folder_is_copied_as_its_newest_commit_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_GIT_TOKEN", TOKEN)
    tree = {"a.txt": b"a", "b/c.sh": b"#!/bin/sh\n", "b/d/e.txt": b"e"}
    with GitServer(tmp_path / "repositories") as server:
        checkout = server.checkout("team/data", planted(tmp_path / "checkout", tree))
        repository = Git(url=f"{server.url}/team/data.git", access_token="env:TEST_GIT_TOKEN", ref="main")
        planted(tmp_path / "all", {"mine": b"m", "a.txt": b"old"})

        everything = await repository.get_directory(local_path=str(tmp_path / "all"))
        planted(checkout, {"b/d/e.txt": b"newer"})
        server.push("team/data", checkout)
        some = await repository.get_directory("b/", str(tmp_path / "some"))

        assert (everything, some) == (3, 2)
        assert found(tmp_path / "all") == {"mine": b"m", **tree}
        assert found(tmp_path / "some") == {"c.sh": b"#!/bin/sh\n", "d/e.txt": b"newer"}
        with pytest.raises(CodeMissing, match="has no folder 'nope'"):
            await repository.get_directory("nope")
        with pytest.raises(ValueError, match="is no path within the git repository"):
            await repository.get_directory("../up")


def test_the_block_of_a_file_system_is_loaded_when_it_is_first_used(stack: Stack) -> None:
    stack.write_flow(
        "reports.py",
        """
        import asyncio
        from homeport import flow
        from homeport.filesystems import LocalFileSystem

        kept = LocalFileSystem.load("reports")

        @flow(log_prints=True)
        def writes():
            kept.write_path("2026/today.csv", b"1,2")
            print("wrote", kept.read_path("2026/today.csv").decode())

        @flow(log_prints=True)
        async def reads():
            print("read", (await (await LocalFileSystem.load("reports")).read_path("2026/today.csv")).decode())
        """,
    )
    stack.cli("block", "create", "local-file-system/reports", "--field", f"basepath={stack.folder}/reports")
    stack.cli("create", "project", "Files", "--skip-if-exists")
    stack.cli("register", "--project", "Files", "-p", "reports.py", "-q", "files")
    stack.start_agent("filer", "-q", "files")

    wrote = stack.cli("run", "writes", "--project", "Files", "--watch", within=90)
    read = stack.cli("run", "reads", "--project", "Files", "--watch", within=90)

    assert "wrote 1,2" in wrote.stdout
    assert "read 1,2" in read.stdout
    assert (stack.folder / "reports/2026/today.csv").read_bytes() == b"1,2"
