"""Each way in which a container of Azure can fail, with what is said of it; against Azurite, Azure's own emulator.

It checks keys, SAS and their times as Azure does, and calls a wrong one by another code (AuthorizationFailure instead
of AuthenticationFailed). What only Azure itself says is answered by a server in front of it, with Azure's status and
body; those tests show what we make of such an answer, not that it comes.
"""

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from azure.storage.blob import BlobBlock

from homeport.code import StorageDenied, StorageRefused, StorageUnreachable, collect, open_storage
from homeport_storage.azure import AzureStorage
from homeport_storage.azure_errors import CODES
from tests.conformance.failure_suite import (
    NO_SECRET,
    ConnectionFailureSuite,
    Failure,
    Reference,
    answering,
    failing,
    told_by,
)
from tests.conformance.object_store_suite import known_secrets as known_secrets
from tests.conformance.storage_suite import MIB, write_project
from tests.services.azurite import ACCOUNT, Azurite, azurite
from tests.services.identity_endpoint import identity_endpoint
from tests.services.token_service import certificate

NAMES = "Look at what connection_string, account_key or sas_token names on this machine"
WRONG_KEY = Failure(StorageDenied, "the key or the signature is wrong (", NAMES)
NO_KEY = Failure(StorageDenied, "what account_key names is no key of a storage account (base64)", NAMES)
NO_STRING = Failure(
    StorageDenied, "what connection_string names is no connection string of a storage account", NAMES
)  # fmt: skip
NO_SAS = Failure(StorageDenied, "what sas_token names is no SAS (sv=...&sig=...)", NAMES)
EXPIRED = Failure(StorageDenied, "the SAS has expired, or is not valid yet (", "Make a new SAS")
DENIED = Failure(StorageRefused, "access denied (AuthorizationPermissionMismatch)", "Give the role Storage Blob Data ")
NO_CONTAINER = Failure(
    StorageRefused, "the container does not exist (ContainerNotFound)", "az storage container create --name missing-one"
)
NO_ACCOUNT = Failure(
    StorageRefused, "there is no such account there (ResourceNotFound)", "Correct account_name or account_url"
)
NOBODY = Failure(StorageDenied, "this machine has no credential that Azure takes", "Log in with az login")
NOT_IN_THE_CLEAR = Failure(StorageDenied, "without a key, who we are is shown over https:// only", "")
WRONG_CLOCK = Failure(StorageDenied, "this machine's clock is wrong (AuthenticationFailed)", "timedatectl set-ntp true")
OLD_TOKEN = Failure(StorageDenied, "the token is wrong or has expired", "Log in again: az login")
BUSY = Failure(StorageUnreachable, "the server asks for fewer requests (ServerBusy)", "Try again later")
MINE = (
    WRONG_KEY, NO_KEY, NO_STRING, NO_SAS, EXPIRED, DENIED, NO_CONTAINER, NO_ACCOUNT, NOBODY, NOT_IN_THE_CLEAR,
    WRONG_CLOCK, BUSY, OLD_TOKEN,
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Azurite]:
    with azurite() as running:
        yield running


class TestConnectionsToAzure(ConnectionFailureSuite):
    wait: ClassVar[dict[str, Any]] = {"connect_timeout": 1, "read_timeout": 1, "max_attempts": 2}

    @pytest.fixture(autouse=True)
    def of_server(self, server: Azurite) -> None:
        self.server = server

    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def at(self, address: str, **more: object) -> Reference:
        self.container = self.container if hasattr(self, "container") else self.server.container()
        return of(self.server, self.container, account_url=f"{address}/{ACCOUNT}", **more)

    @contextmanager
    def https(self, cert: Path, key: Path) -> Iterator[Callable[..., Reference]]:
        with azurite((cert, key), key=self.server.key) as secure:
            yield lambda **more: of(secure, secure.container(), **more)


# Who asks.


@pytest.mark.parametrize(
    ("key", "failure"), [("d3Jvbmc=", WRONG_KEY), ("what-nobody-may-see!", NO_KEY)], ids=["wrong", "none"]
)
def test_a_wrong_key(
    server: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, failure: Failure
) -> None:
    monkeypatch.setenv("TEST_AZURE_KEY", key)

    said = failing(of(server, server.container()), failure, tmp_path)

    assert key not in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "what-nobody-may-see",
        "AccountName=acme",
        "AccountKey=what-nobody-may-see",
        "Server=db;Password=nobody-may-see",
    ],
)
def test_a_connection_string_that_is_none(
    server: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TEST_AZURE_CONNECTION", text)
    failure = NO_STRING if text else NO_SECRET

    said = failing(server.fields(server.container()), failure, tmp_path)

    assert "nobody-may-see" not in said


def test_a_connection_string_with_a_wrong_key(server: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_AZURE_CONNECTION", server.connection_string.replace(server.key, "d3Jvbmc="))

    failing(server.fields(server.container()), WRONG_KEY, tmp_path)


def test_a_sas_that_has_ended_is_told_with_when_it_did(
    server: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = server.container()
    ended = server.sas(container, "rlcwd", ends=timedelta(hours=-1))
    monkeypatch.setenv("SAS", ended)
    monkeypatch.setenv(
        "TEST_AZURE_CONNECTION", f"BlobEndpoint={server.account_url};SharedAccessSignature={ended}"
    )  # as the portal gives it

    for fields in (of(server, container, account_key=None, sas_token="env:SAS"), server.fields(container)):
        said = failing(fields, EXPIRED, tmp_path)
        assert "it ended at 20" in said
        assert ended not in said


@pytest.mark.parametrize("sas", ["what-nobody-may-see", "sv=2024-11-04&se=what-nobody-may-see"])
def test_a_sas_that_is_none(server: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sas: str) -> None:
    monkeypatch.setenv("SAS", sas)

    said = failing(of(server, server.container(), account_key=None, sas_token="env:SAS"), NO_SAS, tmp_path)

    assert "nobody-may-see" not in said


def test_a_machine_without_any_identity_is_told_so_at_once_and_in_one_sentence(
    server: Azurite, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no az here
    fields = {"kind": "azure", "container": "flows", "account_name": "acme"}

    said = failing(fields, NOBODY, tmp_path, within=10)

    assert said.count("\n") == 2, "three ways, a line each"


def test_an_identity_is_not_shown_in_the_clear(server: Azurite, tmp_path: Path) -> None:
    failing(of(server, server.container(), account_key=None), NOT_IN_THE_CLEAR, tmp_path)


def test_the_identity_of_a_machine_is_let_in_without_any_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate(tmp_path / "tls")
    tree = collect(write_project(tmp_path / "project"))
    with azurite((cert, key)) as secure, identity_endpoint() as identity:
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        fields = of(secure, secure.container(), account_key=None, verify=str(cert))

        report = open_storage(fields).check()
        storage = open_storage(fields)
        storage.fetch(storage.put(tree).reference, tree.digest, tmp_path / "fetched")

    assert report.ok, report
    assert collect(tmp_path / "fetched").digest == tree.digest
    assert set(identity.asked) == {"https://storage.azure.com"}


def test_a_token_that_has_expired_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = certificate(tmp_path / "tls")
    with azurite((cert, key)) as secure, identity_endpoint() as identity:
        identity.seconds = -60
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)

        failing(
            of(secure, secure.container(), account_key=None, verify=str(cert)),
            OLD_TOKEN,
            tmp_path,
        )


# What they may.


def test_a_container_that_is_not_there(server: Azurite, tmp_path: Path) -> None:
    failing(of(server, "missing-one"), NO_CONTAINER, tmp_path)


def test_an_account_that_is_not_there(server: Azurite, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{server.port}/nobody"

    failing(of(server, server.container(), account_url=address, account_name="nobody"), NO_ACCOUNT, tmp_path)


def test_who_may_only_read_fetches_code_and_is_told_what_writing_takes(
    server: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, tree = server.container(), collect(write_project(tmp_path / "project"))
    open_storage(of(server, container)).put(tree)
    monkeypatch.setenv("SAS", server.sas(container, "rl"))
    fields = of(server, container, account_key=None, sas_token="env:SAS")

    open_storage(fields).fetch(fields, tree.digest, tmp_path / "fetched")
    said = failing(fields, DENIED, tmp_path, ways="check put")

    assert collect(tmp_path / "fetched").digest == tree.digest
    assert "the role Storage Blob Data Contributor on the container, or a SAS with the permissions rlcw" in said
    assert [step.ok for step in open_storage(fields).check().steps] == [True, True, False, True]


def test_the_permissions_of_the_guide_are_enough(
    server: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, root = server.container(), write_project(tmp_path / "project", extra=30)
    (root / "large.bin").write_bytes(bytes(9 * MIB))
    tree = collect(root)
    monkeypatch.setenv("WRITES", server.sas(container, "rcwd"))
    monkeypatch.setenv("READS", server.sas(container, "r"))
    writer = of(server, container, account_key=None, sas_token="env:WRITES")
    reader = of(server, container, account_key=None, sas_token="env:READS")

    assert open_storage(writer).check().ok
    open_storage(writer).put(tree)
    assert open_storage(writer).put(tree).sent_files == 0

    open_storage(reader).fetch(reader, tree.digest, tmp_path / "fetched")
    assert collect(tmp_path / "fetched").digest == tree.digest


# What the server is.


def test_a_clock_that_is_wrong(server: Azurite, tmp_path: Path) -> None:
    text = "Server failed to authenticate the request. The Date header in the request is incorrect."

    with answering(f"http://127.0.0.1:{server.port}", azure_says(403, "AuthenticationFailed", text)) as address:
        fields = of(server, server.container(), account_url=f"{address}/{ACCOUNT}")
        failing(fields, WRONG_CLOCK, tmp_path, ways="fetch")


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_that_azure_may_give_is_told_with_a_mend(server: Azurite, code: str) -> None:
    kind, found, mend = CODES[code]
    status = 503 if kind is StorageUnreachable else 403
    with answering(f"http://127.0.0.1:{server.port}", azure_says(status, code, "As Azure says.")) as address:
        fields = of(server, "flows", account_url=f"{address}/{ACCOUNT}", max_attempts=1)
        with pytest.raises(kind) as raised:
            opened(fields).write("checks/a", [b"x"])

    assert raised.value.found == f"cannot write to the Azure container flows of {address}/{ACCOUNT}: {found} ({code})"
    assert raised.value.mend.split("{")[0].startswith(mend.split("{")[0])
    assert "{" not in raised.value.mend


def test_a_server_that_is_overloaded_is_asked_as_often_as_the_field_says(server: Azurite, tmp_path: Path) -> None:
    asked: list[str] = []
    busy = azure_says(503, "ServerBusy", "The server is currently unable to receive requests.")

    def noted(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return busy(request)

    with answering(f"http://127.0.0.1:{server.port}", noted) as address:
        fields = of(server, server.container(), account_url=f"{address}/{ACCOUNT}", max_attempts=2)
        failing(fields, BUSY, tmp_path, ways="fetch")
        twice = len(asked)
        failing(fields, BUSY, tmp_path, ways="check")

    assert twice == 2
    assert len(asked) == 3, "who waits for a check is answered at once"


# Two at once.


def test_two_uploads_of_one_blob_at_once_both_succeed_and_one_of_them_stands(server: Azurite) -> None:
    fields = of(server, server.container(), multipart_threshold=MIB, part_size=MIB)
    both_have_begun = threading.Barrier(2, timeout=30)
    failures: list[BaseException] = []

    def upload(letter: bytes) -> None:
        def chunks() -> Iterator[bytes]:
            for number in range(6):
                if number == 4:
                    both_have_begun.wait()
                yield letter * MIB

        try:
            opened(fields).write("blobs/same", chunks())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=upload, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert b"".join(opened(fields).read("blobs/same")) in (b"a" * 6 * MIB, b"b" * 6 * MIB)


def test_an_upload_that_lost_its_blocks_to_nobody_fails(server: Azurite) -> None:
    container = server.container()
    storage = opened(of(server, container, multipart_threshold=MIB, part_size=MIB))

    def chunks() -> Iterator[bytes]:
        for _ in range(6):
            yield b"a" * MIB
        # Somebody replaces the blob, which makes Azure forget our blocks, and removes it again.
        blob = server.client(container).get_blob_client("blobs/same")
        name = base64.b64encode(b"x" * 39).decode()  # as long as ours: Azure wants that
        blob.stage_block(name, b"short")
        blob.commit_block_list([BlobBlock(name)])
        blob.delete_blob()

    with pytest.raises(StorageUnreachable, match="another upload of the same blob ended meanwhile"):
        storage.write("blobs/same", chunks())


def test_the_guide_tells_what_to_do_about_each_of_these() -> None:
    assert told_by("storage-azure", MINE)


def of(server: Azurite, container: str, **more: object) -> dict[str, Any]:
    """A reference of a container by account and key; a field that is None is left out."""
    fields = {
        "kind": "azure", "container": container, "account_name": ACCOUNT, "account_url": server.account_url,
        "account_key": "env:TEST_AZURE_KEY", **more,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def opened(fields: dict[str, Any]) -> AzureStorage:
    storage = open_storage(fields)
    assert isinstance(storage, AzureStorage)
    return storage


def azure_says(status: int, code: str, text: str) -> Callable[[httpx.Request], httpx.Response]:
    """Answers as Azure does: the code in a header, and an XML document."""
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Type": "application/xml", "x-ms-error-code": code}
        return httpx.Response(status, headers=headers, text=body)

    return answer
