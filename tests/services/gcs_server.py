"""An emulator of Google Cloud Storage on loopback, in a process of its own. It is an emulator: it has the JSON API, and
neither checks who asks nor what they may.
"""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from tests.services.control_plane import free_port
from tests.services.s3_server import answers
from tests.services.waiting import eventually

EMULATOR = Path(sys.executable).with_name("gcp-storage-emulator")


@dataclass
class GcsServer:
    """What it keeps is in its memory: `stop` forgets it."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    holder = "bucket"

    @property
    def environment(self) -> dict[str, str]:
        """It asks for no secret."""
        return {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """A plain client, for what is done behind the product's back."""
        return Client("tests", AnonymousCredentials(), client_options={"api_endpoint": self.address})

    def bucket(self) -> str:
        """Make a bucket; its name."""
        name = f"flows-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(name)
        return name

    def put(self, bucket: str, key: str, data: bytes) -> None:
        self.client().bucket(bucket).blob(key).upload_from_string(data)

    def delete(self, bucket: str, key: str) -> None:
        self.client().bucket(bucket).blob(key).delete()

    def keys(self, bucket: str) -> set[str]:
        """All keys in a bucket."""
        return {blob.name for blob in self.client().list_blobs(bucket)}

    def fields(self, bucket: str, **more: object) -> dict[str, object]:
        """A reference of that bucket."""
        return {"kind": "gcs", "bucket": bucket, "endpoint": self.address} | more

    def start(self) -> None:
        command = [str(EMULATOR), "start", "--host", "127.0.0.1", "--port", str(self.port), "--in-memory"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: answers(self.port), what="the emulator of Google Cloud Storage answers", within=20)

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@contextmanager
def gcs_server() -> Iterator[GcsServer]:
    """A running one while the block lasts."""
    server = GcsServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
