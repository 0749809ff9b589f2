"""Each way in which a bucket of S3 can fail, with what is said of it.

Against rclone's server, which checks keys, signatures and their time, and moto's, which checks policies. What only
Amazon's own servers say (a session that has ended, another region, too many requests) is answered by a server in front
of them, with Amazon's status and body; those tests show what we make of such an answer, not that it comes.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import httpx
import pytest

from homeport.code import StorageDenied, StorageRefused, StorageUnreachable, collect, open_storage
from homeport_storage.s3 import S3Storage
from homeport_storage.s3_errors import CODES
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
from tests.conformance.storage_suite import write_project
from tests.services.moto_server import Keys, MotoServer, allow, moto_server, trust
from tests.services.pages import ROOT
from tests.services.s3_server import S3Server, s3_server

KEYS = "Look at what access_key_id and secret_access_key name (or at the profile) on this machine"
RENEW = "Renew it where the credentials come from"
WRONG_KEY = Failure(StorageDenied, "the access key is not known there (InvalidAccessKeyId)", KEYS)
WRONG_SECRET = Failure(StorageDenied, "the secret access key does not fit the access key (SignatureDoesNotMatch)", KEYS)
WRONG_TOKEN = Failure(StorageDenied, "the session token is wrong (InvalidToken)", RENEW)
EXPIRED = Failure(StorageDenied, "the session token has expired (ExpiredToken)", RENEW)
WRONG_CLOCK = Failure(
    StorageDenied,
    "this machine's clock differs from the server's by more than 15 minutes (RequestTimeTooSkewed)",
    "Set the clock (timedatectl set-ntp true)",
)
NO_BUCKET = Failure(
    StorageRefused, "the bucket does not exist (NoSuchBucket)", "Make it with: aws s3 mb s3://missing-one"
)
DENIED = Failure(
    StorageRefused, "access denied (AccessDenied", "Allow it in the policy of the user or of the bucket: s3:"
)
OTHER_REGION = Failure(
    StorageRefused,
    "the bucket is in another region",
    "Set the field region to the bucket's: aws s3api get-bucket-location",
)
BUSY = Failure(StorageUnreachable, "the server asks for fewer requests (SlowDown)", "Try again later")
ELSEWHERE = Failure(StorageRefused, "the server sends us elsewhere", "Correct endpoint_url")
NO_PROFILE = Failure(StorageDenied, "this machine has no such profile", "Make it with: aws configure --profile NAME")
NO_CREDENTIALS = Failure(
    StorageDenied, "this machine has no credentials for it", "Name them by access_key_id and secret_access_key"
)
MINE = (
    WRONG_KEY, WRONG_SECRET, WRONG_TOKEN, EXPIRED, WRONG_CLOCK, NO_BUCKET, DENIED, OTHER_REGION, BUSY, NO_PROFILE,
    NO_CREDENTIALS, ELSEWHERE,
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="module")
def amazon() -> Iterator[MotoServer]:
    with moto_server() as running:
        yield running


class TestConnectionsToS3(ConnectionFailureSuite):
    @pytest.fixture(autouse=True)
    def of_server(self, server: S3Server) -> None:
        self.server = server

    def address(self) -> str:
        return self.server.address

    def at(self, address: str, **more: object) -> Reference:
        self.bucket = self.bucket if hasattr(self, "bucket") else self.server.bucket()
        return self.server.fields(self.bucket, **{"endpoint_url": address, **more})

    @contextmanager
    def https(self, cert: Path, key: Path) -> Iterator[Callable[..., Reference]]:
        bucket = self.server.bucket()
        secure = S3Server(self.server.folder)
        secure.start("--cert", str(cert), "--key", str(key))
        address = f"https://127.0.0.1:{secure.port}"
        try:
            yield lambda **more: secure.fields(bucket, endpoint_url=address, **more)
        finally:
            secure.stop()


# Who asks.


@pytest.mark.parametrize(
    ("variable", "failure"), [("TEST_S3_KEY", WRONG_KEY), ("TEST_S3_SECRET", WRONG_SECRET)], ids=["key", "secret"]
)
def test_wrong_keys(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, failure: Failure
) -> None:
    monkeypatch.setenv(variable, "what-nobody-may-see")

    said = failing(server.fields(server.bucket()), failure, tmp_path)

    assert "what-nobody-may-see" not in said


def test_a_key_that_is_not_on_this_machine_is_named_and_nothing_is_asked(server: S3Server, tmp_path: Path) -> None:
    fields = server.fields(
        "never-asked", secret_access_key="env:NOT_SET_ANYWHERE", endpoint_url="http://nowhere.invalid"
    )

    said = failing(fields, NO_SECRET, tmp_path)

    assert "its secret_access_key cannot be resolved on this machine" in said
    assert "NOT_SET_ANYWHERE" in said


def test_a_machine_without_any_credentials_is_told_so_within_seconds(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_aws(tmp_path, monkeypatch)
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")  # the address of an instance's role is asked, too
    fields = {"kind": "s3", "bucket": server.bucket(), "endpoint_url": server.address}

    failing(fields, NO_CREDENTIALS, tmp_path)


def test_a_profile_that_is_not_on_this_machine(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_aws(tmp_path, monkeypatch)
    fields = {"kind": "s3", "bucket": server.bucket(), "endpoint_url": server.address, "profile": "absent"}

    failing(fields, NO_PROFILE, tmp_path)


def test_a_session_token_that_is_none(amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assumed = amazon.client("sts").assume_role(
        RoleArn=amazon.role(trust(), allow("s3:*", "*")), RoleSessionName="tests"
    )
    keys = replace(Keys.of(assumed["Credentials"]), session_token="no-token-of-anybody")

    said = failing(of(amazon, amazon.bucket(), keys, monkeypatch), WRONG_TOKEN, tmp_path)

    assert "no-token-of-anybody" not in said


def test_a_session_that_has_ended(amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys.of(amazon.client("sts").get_session_token()["Credentials"])
    bucket = amazon.bucket()

    with answering(amazon.address, amazon_says(400, "ExpiredToken", "The provided token has expired.")) as address:
        failing(of(amazon, bucket, keys, monkeypatch, endpoint_url=address), EXPIRED, tmp_path)


def test_a_clock_that_is_wrong(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, real = server.bucket(), botocore.auth.get_current_datetime

    def slow(*arguments: Any, **named: Any) -> datetime:
        shown: datetime = real(*arguments, **named) - timedelta(minutes=20)
        return shown

    monkeypatch.setattr(botocore.auth, "get_current_datetime", slow)

    failing(server.fields(bucket), WRONG_CLOCK, tmp_path)


# What they may.


@pytest.mark.parametrize("which", ["rclone", "moto"])
def test_a_bucket_that_is_not_there(
    server: S3Server, amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    fields = server.fields("missing-one") if which == "rclone" else of(amazon, "missing-one", amazon.admin, monkeypatch)

    said = failing(fields, NO_BUCKET, tmp_path)

    assert f"--endpoint-url {fields['endpoint_url']}" in said


def test_who_may_only_read_fetches_code_and_is_told_what_writing_takes(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, tree = amazon.bucket(), collect(write_project(tmp_path / "project"))
    open_storage(of(amazon, bucket, amazon.admin, monkeypatch)).put(tree)
    reader = amazon.user(*policy_of_the_guide("agents", bucket))
    fields = of(amazon, bucket, reader, monkeypatch)

    open_storage(fields).fetch(fields, tree.digest, tmp_path / "fetched")
    said = failing(fields, DENIED, tmp_path, ways="check put")

    assert collect(tmp_path / "fetched").digest == tree.digest
    assert "s3:PutObject and s3:AbortMultipartUpload" in said
    assert [step.ok for step in open_storage(fields).check().steps] == [True, True, False, True]


def test_who_may_nothing_is_told_what_reading_takes(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = failing(of(amazon, amazon.bucket(), amazon.user(), monkeypatch), DENIED, tmp_path, ways="put fetch")

    assert "s3:GetObject, and s3:ListBucket" in said


def test_the_policies_of_the_guide_are_enough(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, root = amazon.bucket(), write_project(tmp_path / "project", extra=30)
    (root / "large.bin").write_bytes(bytes(9 * 1024 * 1024))  # in parts
    tree = collect(root)
    writer = amazon.user(*policy_of_the_guide("whoever registers", bucket))
    fields = of(amazon, bucket, writer, monkeypatch)

    assert open_storage(fields).check().ok
    open_storage(fields).put(tree)
    assert open_storage(fields).put(tree).sent_files == 0

    reader = of(amazon, bucket, amazon.user(*policy_of_the_guide("agents", bucket)), monkeypatch)
    open_storage(reader).fetch(reader, tree.digest, tmp_path / "fetched")
    assert collect(tmp_path / "fetched").digest == tree.digest


# What the server is.


def test_another_region_is_said_with_how_to_find_the_right_one(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = amazon_says(301, "PermanentRedirect", "The bucket must be addressed using the specified endpoint.")
    bucket = amazon.bucket()

    with answering(amazon.address, moved) as address:
        failing(of(amazon, bucket, amazon.admin, monkeypatch, endpoint_url=address), OTHER_REGION, tmp_path)


def test_a_web_server_that_sends_everybody_elsewhere_is_said_to_do_so(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_https(request: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers={"Location": "https://minio.example.com/x?token=1"}, text="<html>Moved")

    with answering(amazon.address, to_https) as address:
        said = failing(of(amazon, "flows", amazon.admin, monkeypatch, endpoint_url=address), ELSEWHERE, tmp_path)

    assert "to https://minio.example.com (301)" in said
    assert "token" not in said


@pytest.mark.parametrize("code", sorted(set(CODES) - {"NoSuchBucket", "AccessDenied"}))
def test_each_code_that_amazon_may_give_is_told_with_a_mend(
    amazon: MotoServer, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    kind, found, mend = CODES[code]
    status = 503 if kind is StorageUnreachable else 403
    with answering(amazon.address, amazon_says(status, code, "As Amazon says.")) as address:
        fields = of(amazon, "flows", amazon.admin, monkeypatch, endpoint_url=address, max_attempts=1)
        with pytest.raises(kind) as raised:
            s3(fields).write("checks/a", [b"x"])

    assert raised.value.found == f"cannot write to s3://flows at {address}: {found} ({code})"
    assert raised.value.mend.split(":")[0] == mend.split(":")[0]
    assert "{" not in raised.value.mend


def test_a_server_that_is_overloaded_is_asked_as_often_as_the_field_says(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    busy = amazon_says(503, "SlowDown", "Please reduce your request rate.")

    def noted(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return busy(request)

    with answering(amazon.address, noted) as address:
        fields = of(amazon, "any-bucket", amazon.admin, monkeypatch, endpoint_url=address, max_attempts=4)
        failing(fields, BUSY, tmp_path, ways="fetch")
        once = len(asked)
        failing(fields, BUSY, tmp_path, ways="check")

    assert once == 4
    assert len(asked) == 5, "who waits for a check is answered at once"


def test_the_guide_tells_what_to_do_about_each_of_these() -> None:
    assert told_by("storage-s3", MINE)


def s3(reference: dict[str, Any]) -> S3Storage:
    storage = open_storage(reference)
    assert isinstance(storage, S3Storage)
    return storage


def of(amazon: MotoServer, bucket: str, keys: Keys, monkeypatch: pytest.MonkeyPatch, **more: object) -> dict[str, Any]:
    """A reference of a bucket of moto, asked for with these keys."""
    names = {"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key}
    names |= {"session_token": keys.session_token} if keys.session_token else {}
    references: dict[str, object] = {}
    for field, value in names.items():
        variable = f"TEST_{field}_{keys.access_key_id}".upper()
        monkeypatch.setenv(variable, value)
        references[field] = f"env:{variable}"
    address = {"kind": "s3", "bucket": bucket, "endpoint_url": amazon.address, "region": "us-east-1"}
    return {**address, **references, **more}


def amazon_says(status: int, code: str, text: str) -> Callable[[httpx.Request], httpx.Response]:
    """Answers as Amazon does: an XML document, and for HEAD the status alone."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{text}</Message></Error>'

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"Content-Type": "application/xml"}, text=body)

    return answer


def policy_of_the_guide(whose: str, bucket: str) -> list[dict[str, Any]]:
    """The statements that the guide gives for "agents" or "whoever registers", for this bucket instead of its own."""
    page = (ROOT / "docs/guides/storage-s3.md").read_text()
    found = re.search(rf"For {whose}.*?```json\n(.*?)```", page, re.DOTALL)
    assert found, f"no policy for {whose}"
    policy = json.loads(found[1].replace("acme-flows/homeport", bucket).replace("acme-flows", bucket))
    assert isinstance(policy["Statement"], list)
    return policy["Statement"]


def without_aws(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine on which nobody ever configured AWS."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(folder / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
