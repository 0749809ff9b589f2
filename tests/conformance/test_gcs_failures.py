"""Each way in which a bucket of Google Cloud Storage can fail, with what is said of it.

The emulator is one that checks no rights and asks nobody who they are. So what Google says to somebody who may not, or
whom it does not know, is answered by a server in front of it, with Google's status and body: those tests show what we
make of such an answer, not that it comes. The login with a service account's key is the library's own, against such a
server.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from homeport.code import CodeMissing, StorageDenied, StorageRefused, StorageUnreachable, collect, open_storage
from homeport_storage.gcs import GcsStorage
from tests.conformance.failure_suite import (
    DIGEST,
    ConnectionFailureSuite,
    Failure,
    Reference,
    answering,
    failing,
    told_by,
)
from tests.conformance.storage_suite import write_project
from tests.services.gcs_server import GcsServer, gcs_server
from tests.services.tcp_proxy import TcpProxy

LOGIN = "Name a key by service_account_info, or log in: gcloud auth application-default login"
NO_BUCKET = Failure(
    StorageRefused, "the bucket does not exist", "Make it with: gcloud storage buckets create gs://missing-one"
)
DENIED = Failure(
    StorageRefused, "access denied, storage.objects.", "gcloud storage buckets add-iam-policy-binding gs://"
)
UNKNOWN = Failure(StorageDenied, "it wants to know who we are", LOGIN)
NO_KEY = Failure(StorageDenied, "what service_account_info names is no key of a service account (JSON)", LOGIN)
NOT_ACCEPTED = Failure(StorageDenied, "the credentials are not accepted, or have expired", LOGIN)
NO_CREDENTIALS = Failure(StorageDenied, "this machine has no credentials for it", LOGIN)
BUSY = Failure(StorageUnreachable, "the server asks for fewer requests", "Try again later")
MINE = (NO_BUCKET, DENIED, UNKNOWN, NO_KEY, NOT_ACCEPTED, NO_CREDENTIALS, BUSY)


@pytest.fixture(scope="module")
def server() -> Iterator[GcsServer]:
    with gcs_server() as running:
        yield running


class TestConnectionsToGoogle(ConnectionFailureSuite):
    wait: ClassVar[dict[str, Any]] = {"connect_timeout": 1, "read_timeout": 1, "retry_seconds": 2}
    again: ClassVar[dict[str, Any]] = {"retry_seconds": 6}  # pauses are random, up to seconds
    tries: ClassVar[range] = range(2, 10)

    @pytest.fixture(autouse=True)
    def of_server(self, server: GcsServer) -> None:
        self.server = server

    def address(self) -> str:
        return self.server.address

    def at(self, address: str, **more: object) -> Reference:
        self.bucket = self.bucket if hasattr(self, "bucket") else self.server.bucket()
        return self.server.fields(self.bucket, **{"endpoint": address, **more})

    @contextmanager
    def https(self, cert: Path, key: Path) -> Iterator[Callable[..., Reference]]:
        bucket = self.server.bucket()  # the emulator has no TLS of its own
        with TcpProxy(self.server.address, (cert, key)) as proxy:
            yield lambda **more: self.server.fields(bucket, endpoint=proxy.url, **more)


# Who asks.


@pytest.mark.parametrize("text", ["what-nobody-may-see", "{}", '{"type": "service_account"}', '["nobody-may-see"]'])
def test_a_key_that_is_none(server: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("KEY", text)

    said = failing({"kind": "gcs", "bucket": "flows", "service_account_info": "env:KEY"}, NO_KEY, tmp_path)

    assert "nobody-may-see" not in said


def test_a_machine_without_any_credentials_is_told_so_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    failing({"kind": "gcs", "bucket": "flows"}, NO_CREDENTIALS, tmp_path)


def test_a_service_account_shows_a_token_that_it_got_with_its_key(
    server: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: set[str] = set()

    def google(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"})
        shown.add(request.headers.get("authorization", ""))
        return None

    tree = collect(write_project(tmp_path / "project"))
    with answering(server.address, google) as address:
        monkeypatch.setenv("KEY", key_of_a_service_account(address))
        fields = server.fields(server.bucket(), endpoint=address, service_account_info="env:KEY")
        storage = open_storage(fields)
        storage.fetch(storage.put(tree).reference, tree.digest, tmp_path / "fetched")

    assert collect(tmp_path / "fetched").digest == tree.digest
    assert shown == {"Bearer a-token"}


def test_a_key_that_was_deleted(server: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def google(request: httpx.Request) -> httpx.Response:
        answer = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        return httpx.Response(400, json=answer)

    with answering(server.address, google) as address:
        monkeypatch.setenv("KEY", key_of_a_service_account(address))
        fields = server.fields(server.bucket(), endpoint=address, service_account_info="env:KEY")

        said = failing(fields, NOT_ACCEPTED, tmp_path)

    assert "PRIVATE KEY" not in said


def test_somebody_whom_google_does_not_know(server: GcsServer, tmp_path: Path) -> None:
    with answering(server.address, google_says(401, "authError", "Invalid Credentials")) as address:
        failing(server.fields(server.bucket(), endpoint=address), UNKNOWN, tmp_path)


# What they may.


def test_a_bucket_that_is_not_there_is_told_from_an_object_that_is_not(server: GcsServer, tmp_path: Path) -> None:
    fields = server.fields(server.bucket())

    failing(server.fields("missing-one"), NO_BUCKET, tmp_path)
    with pytest.raises(CodeMissing):
        open_storage(fields).fetch(fields, DIGEST, tmp_path / "out")


@pytest.mark.parametrize(
    "text", ["Not Found", "The specified bucket does not exist.", "No such object: flows/checks/a", ""]
)
def test_what_google_writes_with_a_404_does_not_matter(server: GcsServer, tmp_path: Path, text: str) -> None:
    """Texts that Google's servers have been seen to give for the one and for the other."""
    there = server.bucket()

    def rewritten(request: httpx.Request) -> httpx.Response | None:
        if "/o/" not in request.url.path:
            return None
        return google_says(404, "notFound", text)(request)

    with answering(server.address, rewritten) as address:
        store = open_storage(server.fields(there, endpoint=address))
        assert isinstance(store, GcsStorage)
        assert store.size("checks/a") is None
        with pytest.raises(KeyError):
            list(store.read("checks/a"))
        failing(server.fields("missing-one", endpoint=address), NO_BUCKET, tmp_path)


def test_who_may_only_read_fetches_code_and_is_told_what_writing_takes(server: GcsServer, tmp_path: Path) -> None:
    bucket, tree = server.bucket(), collect(write_project(tmp_path / "project"))
    open_storage(server.fields(bucket)).put(tree)
    denied = google_says(
        403, "forbidden", "shop@acme.iam.gserviceaccount.com does not have storage.objects.create access to the Google "
        "Cloud Storage object. Permission 'storage.objects.create' denied on resource (or it may not exist).",
    )  # fmt: skip

    with answering(server.address, lambda asked: None if asked.method == "GET" else denied(asked)) as address:
        fields = server.fields(bucket, endpoint=address)
        open_storage(fields).fetch(fields, tree.digest, tmp_path / "fetched")
        said = failing(fields, DENIED, tmp_path, ways="check put")
        steps = [step.ok for step in open_storage(fields).check().steps]

    assert collect(tmp_path / "fetched").digest == tree.digest
    assert "access denied, storage.objects.create is missing" in said
    assert "--role=roles/storage.objectUser" in said
    assert steps == [True, True, False, True]


# What the server is.


def test_a_server_that_is_overloaded_is_asked_again_for_as_long_as_the_field_says(
    server: GcsServer, tmp_path: Path
) -> None:
    asked: list[str] = []
    busy = google_says(429, "rateLimitExceeded", "The rate of requests is too high.")

    def noted(request: httpx.Request) -> httpx.Response:
        if "/o/" in request.url.path:  # the library asks for the bucket, too, by itself, to tell traces about it
            asked.append(request.method)
        return busy(request)

    with answering(server.address, noted) as address:
        failing(server.fields("flows", endpoint=address, retry_seconds=4), BUSY, tmp_path, ways="fetch")
        several = len(asked)
        failing(server.fields("flows", endpoint=address), BUSY, tmp_path, ways="check")

    assert several > 1
    assert len(asked) == several + 1, "who waits for a check is answered at once"


def test_the_guide_tells_what_to_do_about_each_of_these() -> None:
    assert told_by("storage-gcs", MINE)


def google_says(status: int, reason: str, text: str) -> Callable[[httpx.Request], httpx.Response]:
    """Answers as Google's JSON API does."""
    error = {"code": status, "message": text, "errors": [{"message": text, "domain": "global", "reason": reason}]}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={"error": error})

    return answer


def key_of_a_service_account(address: str) -> str:
    """What `gcloud iam service-accounts keys create` writes, for a login at that address."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account", "project_id": "acme", "private_key_id": "1", "private_key": private.decode(),
            "client_email": "shop@acme.iam.gserviceaccount.com", "client_id": "1", "token_uri": f"{address}/token",
        }
    )  # fmt: skip
