"""Buckets and containers in whole: a flow whose code and results lie in S3 is retried on an agent; and what each
command says of a storage that cannot be used.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeport.results import read_result
from tests.e2e.test_code_stays_home import dump
from tests.e2e.test_retried_runs import asked, ended, inspected
from tests.services.azurite import ACCOUNT, azurite
from tests.services.moto_server import Keys, allow, moto_server
from tests.services.s3_server import S3Server, s3_server
from tests.services.stack import Stack
from tests.services.waiting import eventually

Broken = tuple[str, dict[str, Any], dict[str, str], dict[str, str], str, str]
"""A kind, its fields, variables with which it works, some with which it does not, what is found then, and the mend."""
NIGHTLY = """
    import os
    from homeport import flow, task
    from homeport.storage import S3

    BUCKET = S3({fields})

    def tell(what):
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write(f"{{what}}\\n")

    @task(persist_result=True)
    def extract(number):
        tell(f"extract {{number}}")
        return "canary-" + "in-a-result-%d" % number * 1000

    @task(persist_result=True)
    def total(rows):
        tell("total")
        return sum(len(row) for row in rows)

    @task
    def load(found):
        tell("load")
        if not os.path.exists(os.environ["WITNESS"] + ".mended"):
            raise ConnectionError("the warehouse is away")
        return found

    @flow(name="nightly", storage=BUCKET, result_storage=BUCKET, persist_result=True)
    def nightly():
        return load(total(extract.map([1, 2, 3])))
"""
HELLO = """
    from homeport import flow

    @flow
    def hello():
        print("hello")
"""


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with s3_server(tmp_path / "s3") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_retried_run_goes_on_from_results_in_s3_on_an_agent_that_never_ran_it_and_the_control_plane_has_references(
    own_stack: Stack, bucket: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = bucket.bucket()
    fields = {key: value for key, value in bucket.fields(name, prefix="homeport").items() if key != "kind"}
    own_stack.write_flow("pyproject.toml", "")
    own_stack.write_flow("nightly.py", NIGHTLY.format(fields=f"**{fields!r}"))
    own_stack.cli("create", "project", "Nights")
    own_stack.cli("register", "--project", "Nights", "-p", "nightly.py", "-q", "nights")
    first = own_stack.start_agent("first", "-q", "nights")
    run_id = own_stack.json("run", "-n", "nightly", "--project", "Nights")["id"]
    assert ended(own_stack, run_id)["state"]["type"] == "FAILED"
    first.stop()
    in_the_bucket = [key for key in bucket.keys(name) if run_id in key]

    # Another machine: another home folder, and nothing of what the first one fetched or kept.
    other = Stack(tmp_path_factory.mktemp("other"), own_stack.control_plane)
    Path(f"{other.witness}.mended").touch()
    try:
        other.start_agent("second", "-q", "nights")
        own_stack.cli("flow-run", "retry", run_id)
        eventually(
            lambda: inspected(own_stack, run_id)["state"]["type"] == "COMPLETED",
            what="it completes",
            within=60,
            every=0.3,
        )
    finally:
        other.close()

    assert sorted(own_stack.witnessed()) == ["extract 1", "extract 2", "extract 3", "load", "total"]
    assert other.witnessed() == ["load"], "all that had ended was read from the bucket"
    assert len(in_the_bucket) == 4  # three rows and the total
    references = asked(own_stack, run_id)
    assert (
        read_result(references["flow"])
        == read_result(references["total-0"])
        == 3 * len("canary-" + "in-a-result-1" * 1000)
    )
    database = asyncio.run(dump(own_stack.control_plane.dsn()))
    assert name.encode() in database
    assert b"in-a-result-" not in database
    for secret in bucket.environment.values():
        assert secret.encode() not in database


# What is said, by every command and by the run.


@contextmanager
def wrong_secret_of_s3(folder: Path) -> Iterator[Broken]:
    with s3_server(folder / "s3") as server:
        fields = server.fields(server.bucket())
        broken = server.environment | {"TEST_S3_SECRET": "wrong-and-in-no-message"}
        found = "the secret access key does not fit the access key (SignatureDoesNotMatch)"
        yield "s3", fields, server.environment, broken, found, "Look at what access_key_id and secret_access_key name"


@contextmanager
def reader_of_s3(folder: Path) -> Iterator[Broken]:
    def environment(keys: Keys) -> dict[str, str]:
        return {"TEST_S3_KEY": keys.access_key_id, "TEST_S3_SECRET": keys.secret_access_key}

    with moto_server() as server:
        bucket = server.bucket()
        fields = {
            "kind": "s3", "bucket": bucket, "endpoint_url": server.address, "region": "us-east-1",
            "access_key_id": "env:TEST_S3_KEY", "secret_access_key": "env:TEST_S3_SECRET",
        }  # fmt: skip
        nobody = server.user(allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
        found, mend = (
            "access denied (AccessDenied: Access Denied)",
            "Allow it in the policy of the user or of the bucket",
        )
        yield "s3", fields, environment(server.admin), environment(nobody), found, mend


@contextmanager
def expired_sas_of_azure(folder: Path) -> Iterator[Broken]:
    with azurite() as server:
        container = server.container()
        fields = {
            "kind": "azure", "container": container, "account_name": ACCOUNT, "account_url": server.account_url,
            "sas_token": "env:TEST_SAS",
        }  # fmt: skip
        good = {"TEST_SAS": server.sas(container, "rcwd")}
        ended = {"TEST_SAS": server.sas(container, "rcwd", ends=timedelta(hours=-1))}
        yield "azure", fields, good, ended, "the SAS has expired, or is not valid yet (it ended at", "Make a new SAS"


@pytest.mark.parametrize("broken", [wrong_secret_of_s3, reader_of_s3, expired_sas_of_azure])
def test_every_command_and_the_run_say_what_was_found_and_the_mend_within_seconds(
    stack: Stack, tmp_path: Path, broken: Any
) -> None:
    name = stack.folder.name.replace("_", "-").lower()
    with broken(tmp_path) as (kind, fields, good, wrong, found, mend):
        stack.write_flow("pyproject.toml", "")
        stack.write_flow("hello.py", HELLO.replace("hello", f"hello_{stack.folder.name}"))
        (stack.code / "block.json").write_text(json.dumps({k: v for k, v in fields.items() if k != "kind"}))
        block = f"{kind}/{name}"
        stack.cli("block", "create", block, "--from-file", "block.json")
        stack.cli("create", "project", "Demo", "--skip-if-exists")
        deployment = [f"hello.py:hello_{stack.folder.name}", "-n", "x", "-q", name, "-sb", block, "--skip-upload"]
        stack.cli("deployment", "build", *deployment, "-o", "x.yaml", "--project", "Demo", **good)

        said = [
            everything(stack.cli("block", "check", block, expect=1, within=20, **wrong)),
            everything(stack.cli("deployment", "apply", "x.yaml", expect=1, within=30, **wrong)),
            everything(
                stack.cli("register", "--project", "Demo", "-p", "hello.py", "-sb", block, expect=1, within=30, **wrong)
            ),
        ]
        assert stack.cli("block", "check", block, **good).returncode == 0
        stack.cli("deployment", "apply", "x.yaml", **good)
        stack.start_agent("a1", "-q", name, **wrong)
        run = stack.cli("deployment", "run", f"hello-{name}/x", "--watch", expect=None, **good)
        said.append(everything(run))

    for one in said:
        assert found in one
        assert mend in one
        assert not [value for value in wrong.values() if value in one]
    assert "Crashed" in said[-1]


def everything(done: Any) -> str:
    """What a command printed, as one line: tables and wrapped text are broken elsewhere."""
    return " ".join((done.stdout + done.stderr).split())
