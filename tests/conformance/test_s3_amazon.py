"""What Amazon has besides a bucket: roles, encryption at rest, versions, uploads in parts; on moto."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homeport.code import CodeChanged, StorageRefused, collect, open_storage
from tests.conformance.storage_suite import MIB, write_project
from tests.conformance.test_s3_failures import of, s3, without_aws
from tests.services.moto_server import MotoServer, allow, moto_server, trust
from tests.services.tcp_proxy import TcpProxy


@pytest.fixture(scope="module")
def amazon() -> Iterator[MotoServer]:
    with moto_server() as running:
        yield running


# Roles.


def test_a_role_is_assumed_by_its_name_with_its_external_id(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = amazon.bucket()
    role = amazon.role(trust("shop-42"), allow("s3:*", [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]))
    caller = amazon.user(allow("sts:AssumeRole", role))
    with_role = {"role_arn": role, "external_id": "shop-42", "session_name": "homeport-of-the-shop"}
    tree = collect(write_project(tmp_path / "project"))

    with TcpProxy(amazon.address) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        storage = open_storage(of(amazon, bucket, caller, monkeypatch, **with_role))
        report = storage.check()
        storage.fetch(storage.put(tree).reference, tree.digest, tmp_path / "out")

    assert report.ok, report
    assert collect(tmp_path / "out").digest == tree.digest
    assert b"RoleSessionName=homeport-of-the-shop" in sts.heard
    assert sts.heard.count(b"Action=AssumeRole") == 2, "once for the check, once for all else"
    with pytest.raises(StorageRefused, match="access denied"):  # without the role they may nothing
        open_storage(of(amazon, bucket, caller, monkeypatch)).put(tree)


def test_a_role_is_assumed_where_nothing_names_a_region(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_aws(tmp_path, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", amazon.address)
    bucket, role = amazon.bucket(), amazon.role(trust(), allow("s3:*", "*"))
    fields = of(amazon, bucket, amazon.user(allow("sts:AssumeRole", role)), monkeypatch, role_arn=role)

    assert open_storage({name: value for name, value in fields.items() if name != "region"}).check().ok


@pytest.mark.parametrize(
    ("may", "external_id"), [(True, "of-somebody-else"), (False, "shop-42")], ids=["external id", "not allowed"]
)
def test_a_role_that_may_not_be_assumed_is_told_with_both_policies_that_have_to_allow_it(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may: bool, external_id: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", amazon.address)
    bucket = amazon.bucket()
    role = amazon.role(trust("shop-42"), allow("s3:*", "*"))
    caller = amazon.user(*([allow("sts:AssumeRole", role)] if may else []))
    fields = of(amazon, bucket, caller, monkeypatch, role_arn=role, external_id=external_id)

    with pytest.raises(StorageRefused, match=f"cannot assume the role of s3://{bucket}") as refused:
        open_storage(fields).size("checks/a")  # type: ignore[attr-defined]
    report = open_storage(fields).check()

    assert "access denied (AccessDenied: User: arn:aws:iam::" in refused.value.found
    assert "sts:AssumeRole, in the user's policy and in the role's trust policy" in refused.value.mend
    assert not report.ok
    assert report.mend == refused.value.mend


# Encryption at rest.


@pytest.mark.parametrize("size", [10, 9 * MIB], ids=["in one request", "in parts"])
def test_encryption_is_asked_for_and_what_is_kept_says_so(
    amazon: MotoServer, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    bucket, key = amazon.bucket(), amazon.client("kms").create_key()["KeyMetadata"]["KeyId"]

    def kept(**fields: object) -> dict[str, Any]:
        storage = s3(of(amazon, bucket, amazon.admin, monkeypatch, **fields))
        storage.write("checks/a", [bytes(size)])
        assert len(b"".join(storage.read("checks/a"))) == size
        head: dict[str, Any] = amazon.client("s3").head_object(Bucket=bucket, Key="checks/a")
        return head

    plain, managed, own = kept(), kept(sse="AES256"), kept(sse="aws:kms", kms_key_id=key)

    assert plain.get("ServerSideEncryption", "AES256") == "AES256"  # Amazon's default since 2023
    assert managed["ServerSideEncryption"] == "AES256"
    assert (own["ServerSideEncryption"], own["SSEKMSKeyId"]) == ("aws:kms", key)


def test_all_that_code_is_kept_as_is_encrypted_with_the_key(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, key = amazon.bucket(), amazon.client("kms").create_key()["KeyMetadata"]["KeyId"]
    tree = collect(write_project(tmp_path / "project", extra=30))

    storage = open_storage(of(amazon, bucket, amazon.admin, monkeypatch, sse="aws:kms", kms_key_id=key))
    storage.put(tree)

    client = amazon.client("s3")
    heads = [client.head_object(Bucket=bucket, Key=name) for name in names(amazon, bucket)]
    assert len(heads) >= 4
    assert {head.get("SSEKMSKeyId") for head in heads} == {key}


# Large files.


def test_a_large_file_is_sent_in_parts_and_read_back(amazon: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, content = amazon.bucket(), os.urandom(23 * MIB + 7)
    storage = s3(of(amazon, bucket, amazon.admin, monkeypatch, multipart_threshold=5 * MIB, part_size=5 * MIB))

    storage.write("checks/large", [content])

    kept = amazon.client("s3").head_object(Bucket=bucket, Key="checks/large")
    assert kept["ETag"].strip('"').endswith("-5"), "five parts"
    assert b"".join(storage.read("checks/large")) == content
    assert b"".join(storage.read("checks/large", 11 * MIB, 100)) == content[11 * MIB : 11 * MIB + 100]


def test_an_upload_in_parts_that_breaks_off_leaves_no_part_that_has_to_be_paid_for(
    amazon: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = amazon.bucket()
    storage = s3(of(amazon, bucket, amazon.admin, monkeypatch))
    begun: list[int] = []

    def changes() -> Iterator[bytes]:
        for _ in range(3):
            yield bytes(9 * MIB)
        begun.append(len(amazon.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])))
        raise CodeChanged("flow.py changed while it was being read")

    with pytest.raises(CodeChanged):
        storage.write("checks/large", changes())

    assert begun == [1]
    assert "Uploads" not in amazon.client("s3").list_multipart_uploads(Bucket=bucket)
    assert names(amazon, bucket) == []


# Versions.


def test_a_bucket_that_keeps_versions_is_used_like_any_other(
    amazon: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, tree = amazon.bucket(), collect(write_project(tmp_path / "project", extra=30))
    versions = {"Status": "Enabled"}
    amazon.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versions)
    storage = s3(of(amazon, bucket, amazon.admin, monkeypatch))

    report = storage.check()
    first, again = storage.put(tree), storage.put(tree)
    storage.fetch(first.reference, tree.digest, tmp_path / "out")

    assert report.ok, report
    assert again.sent_files == 0
    assert collect(tmp_path / "out").digest == tree.digest
    kept = [found["Key"] for found in amazon.client("s3").list_object_versions(Bucket=bucket)["Versions"]]
    assert len(kept) == len(set(kept)), "nothing was written over"
    assert not any(name.startswith("checks/") for name in names(amazon, bucket))


def names(amazon: MotoServer, bucket: str) -> list[str]:
    return [found["Key"] for found in amazon.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]
