"""Azurite, Azure's own emulator of Blob Storage, on loopback: it checks signatures, SAS and their times as Azure does.

It comes by npm, pinned by azurite/package-lock.json, and is installed there by the first test that needs it.
"""

import base64
import fcntl
import hashlib
import os
import secrets
import subprocess
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas
from urllib3.exceptions import InsecureRequestWarning

from tests.services.components import program
from tests.services.control_plane import free_port
from tests.services.s3_server import answers
from tests.services.waiting import eventually

FOLDER = Path(__file__).parent / "azurite"
ACCOUNT = "homeporttest"


@dataclass
class Azurite:
    """One account with a key of its own. What it keeps is in its memory: `stop` forgets it."""

    port: int = field(default_factory=free_port)
    key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    process: subprocess.Popen[bytes] | None = None
    certificate: tuple[Path, Path] | None = None  # and its key: https instead of http

    @property
    def account_url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        kind = self.account_url.partition("://")[0]
        return (
            f"DefaultEndpointsProtocol={kind};AccountName={ACCOUNT};AccountKey={self.key};"
            f"BlobEndpoint={self.account_url};"
        )

    @property
    def environment(self) -> dict[str, str]:
        """The variables to which `fields` refer."""
        return {"TEST_AZURE_CONNECTION": self.connection_string, "TEST_AZURE_KEY": self.key}

    def client(self, container: str) -> ContainerClient:
        """A plain client, for what is done behind the product's back."""
        trusted = {"connection_verify": False} if self.certificate else {}
        return ContainerClient.from_connection_string(self.connection_string, container, **trusted)

    def container(self) -> str:
        """Make a container; its name."""
        name = f"flows-{uuid.uuid4().hex[:12]}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureRequestWarning)  # its certificate may be a wrong one, for a test
            self.client(name).create_container()
        return name

    bucket = container
    holder = "container"

    def put(self, container: str, key: str, data: bytes) -> None:
        self.client(container).upload_blob(key, data, overwrite=True)

    def delete(self, container: str, key: str) -> None:
        self.client(container).delete_blob(key)

    def keys(self, container: str) -> set[str]:
        """All keys in a container."""
        return set(self.client(container).list_blob_names())

    def fields(self, container: str, **more: object) -> dict[str, Any]:
        """A reference of that container, with the connection string by name."""
        return {"kind": "azure", "container": container, "connection_string": "env:TEST_AZURE_CONNECTION"} | more

    def sas(self, container: str, permission: str, *, ends: timedelta = timedelta(hours=1)) -> str:
        """A signature for the container: "r" may read, "rlcwd" all; it ends after `ends`, or has ended."""
        now = datetime.now(UTC)
        return generate_container_sas(
            ACCOUNT, container, account_key=self.key, permission=ContainerSasPermissions.from_string(permission),
            start=now - timedelta(hours=2), expiry=now + ends,
        )  # fmt: skip

    def start(self) -> None:
        node = program("node", get="apt-get install nodejs npm")
        command = [node, str(installed() / "dist/src/blob/main.js"), "--silent", "--skipApiVersionCheck"]
        command += ["--inMemoryPersistence", "--disableTelemetry", "--blobHost", "127.0.0.1"]
        command += ["--blobPort", str(self.port)]
        if self.certificate:
            # Tokens are taken over https only.
            command += ["--cert", str(self.certificate[0]), "--key", str(self.certificate[1]), "--oauth", "basic"]
        environment = os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{self.key}"}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: answers(self.port), what="Azurite answers", within=60)

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@contextmanager
def azurite(certificate: tuple[Path, Path] | None = None, key: str = "") -> Iterator[Azurite]:
    """A running one while the block lasts."""
    server = Azurite(certificate=certificate, **({"key": key} if key else {}))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def installed() -> Path:
    """The package's folder, installed by npm exactly as the lock file says; once, also when several ask at once."""
    package = FOLDER / "node_modules/azurite"
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    mark = FOLDER / "node_modules/.homeport-installed"
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != wanted:
            npm = program("npm", get="apt-get install nodejs npm")
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=150)
            assert done.returncode == 0, f"npm could not install Azurite: {done.stderr[-2000:]}"
            mark.write_text(wanted)
    return package
