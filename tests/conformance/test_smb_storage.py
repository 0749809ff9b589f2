"""An SMB share as storage, on a real Samba that signs and encrypts; and each way in which it can fail."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from homeport.code import Storage, StorageDenied, StorageRefused, StorageUnreachable, collect, open_storage
from homeport.code.errors import UnsafeCode
from homeport_storage.smb import SmbStorage
from homeport_storage.smb_fields import SmbFields
from tests.conformance.storage_suite import MIB, BlobStorageSuite, write_project
from tests.services.samba import Samba
from tests.services.waiting import eventually


class TestSmbStorage(BlobStorageSuite):
    share = "data"
    below = ""

    @pytest.fixture(autouse=True)
    def of_samba(self, samba: Samba) -> None:
        self.samba = samba

    @pytest.fixture
    def storage(self, samba: Samba) -> Storage:
        return open_storage(samba.reference(self.share, f"{self.below}{uuid.uuid4().hex}/flows"))

    def write_raw(self, storage: Storage, key: str, data: bytes) -> None:
        self.folder(storage).joinpath(key).parent.mkdir(parents=True, exist_ok=True)
        self.folder(storage).joinpath(key).write_bytes(data)
        subprocess.run(["chown", "-R", self.samba.user, str(self.folder(storage))], check=True)

    def remove_raw(self, storage: Storage, key: str) -> None:
        (self.folder(storage) / key).unlink()

    def keys(self, storage: Storage) -> set[str]:
        folder = self.folder(storage)
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        self.samba.kill()
        try:
            yield
        finally:
            self.samba.start()

    def folder(self, storage: Storage) -> Path:
        assert isinstance(storage, SmbStorage)
        return self.samba.share() / storage.reference()["path"].removeprefix(self.below)


class TestSmbStorageThroughDfs(TestSmbStorage):
    """The same through a DFS root, whose link leads to the share."""

    share = "dfs"
    below = "link/"


def test_a_dfs_root_that_is_a_folder_itself_is_written_to(samba: Samba, tmp_path: Path) -> None:
    tree = collect(write_project(tmp_path / "project"))
    storage = open_storage(samba.reference("dfs", "here/flows"))

    storage.fetch(storage.put(tree).reference, tree.digest, tmp_path / "out")

    assert (samba.share("dfs") / "here/flows/manifests").is_dir()


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"password": "env:WRONG_PASSWORD"}, "the user or the password is wrong"),
        ({"username": "nobody-of-that-name"}, "the user or the password is wrong"),
        ({"password": "env:NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ({"username": None, "password": None}, "ailed to authenticate"),
        ({"auth_protocol": "kerberos"}, "kerberos cannot be used here"),
    ],
)
def test_who_is_not_let_in_is_told_so_and_the_password_is_in_no_message(
    samba: Samba, wrong: dict[str, Any], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG_PASSWORD", "secret-that-nobody-may-see")
    storage = storage_at(samba, **wrong)

    with pytest.raises(StorageDenied) as denied:
        storage.size("checks/a")
    report = storage.check()

    assert found in str(denied.value)
    assert f"//127.0.0.1:{samba.port}/data/flows" in str(denied.value)
    reached = None if "is not set" in found else True  # without its secret nobody knocks
    assert [step.ok for step in report.steps] == [reached, False, None, None]
    assert "secret-that-nobody-may-see" not in f"{denied.value}{denied.value.__cause__}{report}"


def test_a_disabled_account_is_told_from_a_wrong_password(samba: Samba) -> None:
    pdbedit = ["pdbedit", "-s", str(samba.config), "-u", samba.user, "-c"]
    subprocess.run([*pdbedit, "[D]"], check=True, capture_output=True)
    try:
        with pytest.raises(StorageDenied, match="the account is disabled"):
            storage_at(samba, path=uuid.uuid4().hex).size("checks/a")  # nobody is logged in for it yet
    finally:
        subprocess.run([*pdbedit, "[]"], check=True, capture_output=True)


@pytest.mark.parametrize("require_encryption", [True, False])
def test_a_share_that_is_not_there_is_refused_by_name(samba: Samba, require_encryption: bool) -> None:
    storage = storage_at(samba, "nowhere", require_encryption=require_encryption)

    for call in (lambda: storage.size("checks/a"), lambda: storage.write("checks/a", [b"x"])):
        with pytest.raises(StorageRefused, match=r"//127\.0\.0\.1:\d+/nowhere/flows: there is no such share"):
            call()


def test_a_share_that_the_user_may_not_use_is_refused(samba: Samba) -> None:
    with pytest.raises(StorageRefused, match="access denied"):
        storage_at(samba, "closed").size("checks/a")


def test_a_read_only_share_gives_code_and_takes_none(samba: Samba, tmp_path: Path) -> None:
    tree = collect(write_project(tmp_path / "project"))
    path = uuid.uuid4().hex
    open_storage(samba.reference("data", path)).put(tree)
    readonly = open_storage(samba.reference("readonly", path))

    readonly.fetch(samba.reference("readonly", path), tree.digest, tmp_path / "out")
    report = readonly.check()
    (tmp_path / "project/flow.py").write_text("changed\n")
    with pytest.raises(StorageRefused, match=r"cannot write to the SMB share.*denied"):
        readonly.put(collect(tmp_path / "project"))

    assert collect(tmp_path / "out").digest == tree.digest
    assert [step.ok for step in report.steps] == [True, True, False, True]


def test_a_disk_that_is_full_is_refused_and_what_was_begun_is_gone(samba: Samba) -> None:
    full = samba.share("full")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(full)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("left out: a small disk needs the right to mount")
    try:
        subprocess.run(["chown", samba.user, str(full)], check=True)
        storage = storage_at(samba, "full")

        with pytest.raises(StorageRefused, match="the disk is full"):
            storage.write("blobs/too-large", [b"x" * 5 * MIB])
        storage.write("blobs/fits", [b"x" * (5 * MIB // 2)])
        with pytest.raises(StorageRefused, match="the disk is full"):
            storage.write("blobs/one-more", [b"x" * MIB])

        assert not list(full.rglob("*.part"))
    finally:
        samba.drop_connections()  # their working folder is on it
        eventually(lambda: subprocess.run(["umount", str(full)], capture_output=True).returncode == 0, what="unmount")


def test_a_share_that_wants_encryption_is_used_by_a_client_that_does_not_insist(samba: Samba) -> None:
    storage = storage_at(samba, "data", require_encryption=False)

    storage.write("checks/plain", [b"x"])

    assert b"".join(storage.read("checks/plain")) == b"x"


def test_nothing_travels_in_the_clear_unless_that_was_asked_for(samba: Samba) -> None:
    with recording(samba) as (port, seen):
        sealed = storage_at(samba, "plain", port=port)
        sealed.write("checks/sealed", [b"canary-of-the-sealed"])
        assert b"".join(sealed.read("checks/sealed")) == b"canary-of-the-sealed"
        open_one = storage_at(samba, "plain", port=port, require_encryption=False)
        open_one.write("checks/open", [b"canary-of-the-open"])

    assert b"canary-of-the-sealed" not in seen
    assert b"canary-of-the-open" in seen


def test_a_server_that_cannot_encrypt_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Samba()
    monkeypatch.setenv("TEST_SMB_PASSWORD", old.password)
    try:
        old.start()
        old.kill()
        config = old.config.read_text().replace("smb encrypt = default", "smb encrypt = off")
        old.config.write_text(config.replace("smb encrypt = required", "smb encrypt = off"))
        old.start()

        with pytest.raises(StorageUnreachable, match=r"the server cannot encrypt.*require_encryption: false"):
            storage_at(old).size("checks/a")
        assert storage_at(old, require_encryption=False).check().ok
    finally:
        old.stop()


@pytest.mark.parametrize("what", ["closed", "silent", "no server", "no name"])
def test_a_server_that_is_away_is_unreachable_within_seconds(samba: Samba, what: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if what in ("silent", "no server"):
            listener.listen()
        if what == "no server":
            threading.Thread(target=_answers_nonsense, args=(listener,), daemon=True).start()
        more = {"host": "nowhere.invalid"} if what == "no name" else {}
        storage = storage_at(samba, port=listener.getsockname()[1], connect_timeout=1, **more)

        began = time.monotonic()
        with pytest.raises(StorageUnreachable, match="cannot look into the SMB share //") as away:
            storage.size("checks/a")

    assert time.monotonic() - began < 20
    assert "Traceback" not in str(away.value)


def test_a_server_that_falls_silent_is_given_up_on(samba: Samba) -> None:
    with recording(samba) as (port, _):
        storage = storage_at(samba, port=port, timeout=1, connect_timeout=1)
        storage.write("checks/a", [b"x"])
        stopped = samba.pause()
        try:
            began = time.monotonic()
            with pytest.raises(StorageUnreachable, match="no answer came in time"):
                storage.size("checks/a")
            assert time.monotonic() - began < 20
        finally:
            samba.resume(stopped)

        assert storage.size("checks/a") == 1


def test_a_connection_that_dropped_between_two_calls_is_made_anew(samba: Samba) -> None:
    storage = storage_at(samba)
    storage.write("checks/a", [b"first"])

    for call in (
        lambda: storage.size("checks/a"),
        lambda: b"".join(storage.read("checks/a")),
        lambda: storage.write("checks/a", [b"again"]),
        lambda: storage.write("checks/b", (bytes(MIB) for _ in range(3))),
        lambda: storage.remove("checks/b"),
    ):
        samba.drop_connections()
        call()

    assert b"".join(storage.read("checks/a")) == b"again"


def test_a_server_that_was_restarted_is_found_again(samba: Samba) -> None:
    storage = storage_at(samba)
    storage.write("checks/a", [b"first"])

    samba.kill()
    with pytest.raises(StorageUnreachable):
        storage.size("checks/a")
    samba.start()

    assert storage.size("checks/a") == 5


def test_a_server_killed_in_the_middle_of_an_upload_leaves_nothing_half_done_and_the_next_try_resumes(
    samba: Samba, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "project", extra=40)
    (root / "zz-large.bin").write_bytes(os.urandom(30 * MIB))
    tree = collect(root)
    path = uuid.uuid4().hex
    storage = open_storage(samba.reference("data", path))

    def kill_when_large_one_has_begun() -> None:
        packs = samba.share() / path / "packs"
        eventually(
            lambda: any(sizes(samba, path, over=4 * MIB)) and any(len(file.name) == 64 for file in packs.glob("*")),
            what="it has begun, and what is small has arrived",
            every=0.002,
        )
        samba.kill()

    killer = threading.Thread(target=kill_when_large_one_has_begun)
    killer.start()
    with pytest.raises(StorageUnreachable, match="write to the SMB share"):
        storage.put(tree)
    killer.join()
    assert not (samba.share() / path / "manifests").exists()
    samba.start()

    sent = storage.put(tree)
    storage.fetch(sent.reference, sent.digest, tmp_path / "out")

    assert collect(tmp_path / "out").digest == tree.digest
    assert sent.sent_files < len({file.sha256 for file in tree.manifest.files}), "what had arrived is not sent again"


def test_a_client_that_is_killed_in_the_middle_of_an_upload_leaves_no_rest_on_the_share(samba: Samba) -> None:
    path = uuid.uuid4().hex
    client = subprocess.Popen([sys.executable, "-c", ENDLESS_UPLOAD, json.dumps(samba.reference("data", path))])
    try:
        eventually(lambda: any(sizes(samba, path, over=MIB)), what="the upload begins")
    finally:
        client.kill()
        client.wait(10)

    eventually(lambda: not parts(samba, path), what="the server removes what it had got")
    assert storage_at(samba, path=path).size("checks/endless") is None


ENDLESS_UPLOAD = """
import itertools, json, sys
from homeport.code import open_storage
open_storage(json.loads(sys.argv[1])).write("checks/endless", itertools.repeat(bytes(100_000), 40_000))
"""


def test_what_is_being_read_can_be_replaced_and_the_reader_sees_one_of_the_two(samba: Samba) -> None:
    storage = storage_at(samba, path=uuid.uuid4().hex)
    storage.write("checks/large", [b"a" * 5 * MIB])
    reading = storage.read("checks/large")
    first = next(reading)

    writer = threading.Thread(target=storage.write, args=("checks/large", [b"b" * 5 * MIB]))
    writer.start()
    rest = b"".join(reading)
    writer.join()

    assert set(first + rest) == {ord("a")}
    assert b"".join(storage.read("checks/large")) == b"b" * 5 * MIB


def test_names_that_windows_keeps_for_itself_can_be_keys(samba: Samba) -> None:
    storage = storage_at(samba, path=uuid.uuid4().hex)
    keys = ["a:b", "what?/is*this", "con", "NUL.txt", "ends.", "ends ", "100%", "a%3Ab", '<"|>']

    for key in keys:
        storage.write(f"results/{key}", [key.encode()])

    assert [b"".join(storage.read(f"results/{key}")) for key in keys] == [key.encode() for key in keys]


def test_blocks_of_prefect_2_are_taken() -> None:
    old = {"share_path": "/flows/prod/etl", "smb_host": "nas", "smb_port": 1445, "smb_username": "me"}

    fields = SmbFields.model_validate({**old, "smb_password": "env:PW"})

    assert (fields.host, fields.port, fields.share, fields.path) == ("nas", 1445, "flows", "prod/etl")
    assert (fields.username, fields.password) == ("me", "env:PW")
    assert SmbStorage(fields).where == "the SMB share //nas:1445/flows/prod/etl"
    assert open_storage(SmbStorage(fields).reference()).reference() == SmbStorage(fields).reference()


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "../up"},
        {"path": "a/../../up"},
        {"share": ".."},
        {"share": ""},
        {"host": "//nas"},
        {"host": "me@nas"},
        {"host": "nas\nx"},
        {"password": "a literal"},
        {"port": 0},
        {"share": None},
        {"surprise": 1},
    ],
)
def test_a_reference_that_leaves_its_folder_or_holds_a_password_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnsafeCode, match="storage reference of kind smb is wrong") as error:
        open_storage({"kind": "smb", "host": "nas", "share": "flows", **wrong})

    assert "a literal" not in str(error.value)


def storage_at(samba: Samba, share: str = "data", **more: Any) -> SmbStorage:
    storage = open_storage(samba.reference(share, **more))
    assert isinstance(storage, SmbStorage)
    return storage


def parts(samba: Samba, path: str) -> list[Path]:
    return list((samba.share() / path).rglob("*.part"))


def sizes(samba: Samba, path: str, over: int) -> list[int]:
    found = []
    for part in parts(samba, path):
        with suppress(FileNotFoundError):
            found.append(part.stat().st_size)
    return [size for size in found if size > over]


def _answers_nonsense(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@contextmanager
def recording(samba: Samba) -> Iterator[tuple[int, bytearray]]:
    """A port that leads to Samba, and what travelled through it."""
    seen = bytearray()

    def copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while chunk := source.recv(65536):
                seen.extend(chunk)
                sink.sendall(chunk)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", samba.port))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], seen
