"""Amazon's services on loopback, by moto in a process of its own: IAM, STS, S3, KMS and Secrets Manager.

It is an emulator, and one that checks signatures, access keys, policies of users and roles, and trust policies as
Amazon does. It looks neither at the time of a signature nor at whether a session has ended.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import boto3
import httpx
from botocore.config import Config

from tests.services.control_plane import free_port
from tests.services.s3_server import answers
from tests.services.waiting import eventually

REGION = "us-east-1"
ACCOUNT = "123456789012"
Statement = dict[str, Any]


@dataclass(frozen=True)
class Keys:
    """An access key, and the session token that belongs to it where a role was assumed."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Self:
        """Those in an answer of IAM ("AccessKey") or of STS ("Credentials")."""
        return cls(answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("SessionToken"))


@dataclass
class MotoServer:
    """What it keeps is in its memory: `stop` forgets it. `admin` are keys of a user who may do everything."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    admin: Keys = Keys("anybody", "anything")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, keys: Keys | None = None) -> Any:
        """A plain client of "s3", "sts", "iam", "kms", "secretsmanager": the administrator's, or of those keys."""
        keys = keys or self.admin
        return boto3.session.Session().client(
            service,
            endpoint_url=self.address,
            region_name=REGION,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            config=Config(request_checksum_calculation="when_required", retries={"total_max_attempts": 1}),
        )

    def user(self, *statements: Statement) -> Keys:
        """Make a user who may do what the statements say, and nothing else; their keys."""
        iam, name = self.client("iam"), f"user-{uuid.uuid4().hex[:12]}"
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document(*statements))
        return Keys.of(iam.create_access_key(UserName=name)["AccessKey"])

    def role(self, trust: Statement, *statements: Statement) -> str:
        """Make a role that whoever `trust` describes may assume, and that may do what the statements say; its ARN."""
        iam, name = self.client("iam"), f"role-{uuid.uuid4().hex[:12]}"
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        policy = iam.create_policy(PolicyName=f"of-{name}", PolicyDocument=document(*statements))
        iam.attach_role_policy(RoleName=name, PolicyArn=policy["Policy"]["Arn"])
        return str(made["Role"]["Arn"])

    def bucket(self) -> str:
        """Make a bucket; its name."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client("s3").create_bucket(Bucket=name)
        return name

    def start(self) -> None:
        """Run it; from then on nobody is let in without the keys of a user."""
        command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(self.port)]
        known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
        self.process = subprocess.Popen(command, env=known, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: answers(self.port), what="moto answers", within=30)
        self.admin = self.user(allow("*", "*"))
        httpx.post(f"{self.address}/moto-api/reset-auth", content="0").raise_for_status()

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@contextmanager
def moto_server() -> Iterator[MotoServer]:
    """A running one while the block lasts."""
    server = MotoServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def allow(actions: str | list[str], resources: str | list[str]) -> Statement:
    """A statement of a policy: those actions on those resources."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def trust(external_id: str | None = None) -> Statement:
    """A statement of a role's trust policy: users of the account may assume it, if they name the external id."""
    condition = {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else {}
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}, **condition}


def document(*statements: Statement) -> str:
    """The statements as a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
