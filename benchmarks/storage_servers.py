"""The servers of the benchmark `storage`: what finds each for us and for rclone, its floor, and its own client."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RCLONE = Path(sys.executable).with_name("rclone")

Commands = Callable[[str, Path, Path], dict[str, list[str]]]
"""(name in the storage, folder to send, folder to fetch into) -> the command of each step."""


@dataclass(frozen=True)
class Bare:
    """One file, by the storage's library alone: is it there, take it, give it back."""

    look: Callable[[str], object]
    send: Callable[[str, bytes], object]
    get: Callable[[str], bytes]


@dataclass(frozen=True)
class Server:
    """A storage: what finds it for us and for rclone, below a name, the floor, and what its own client is told."""

    reference: Callable[[str], dict[str, Any]]
    remote: Callable[[str], str]
    bare: Bare
    own_client: str = ""
    own_commands: Commands | None = None


@contextmanager
def folders(folder: Path) -> Iterator[Server]:
    """Another folder of this machine."""
    kept = folder / "kept"

    def commands(name: str, root: Path, target: Path) -> dict[str, list[str]]:
        return {
            "first": ["cp", "-r", "-T", str(root), str(kept / name)],
            "unchanged": ["cp", "-r", "-u", "-T", str(root), str(kept / name)],
            "fetch": ["cp", "-r", str(kept / name), str(target)],
        }

    def send(name: str, data: bytes) -> None:
        with (kept / name).open("xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())

    def look(name: str) -> object:
        return (kept / name).stat() if (kept / name).exists() else None

    kept.mkdir()
    yield Server(
        lambda name: {"kind": "folder", "path": str(kept / name)},
        lambda name: str(kept / name),
        Bare(look, send, lambda name: (kept / name).read_bytes()),
        "cp -r",
        commands,
    )
    shutil.rmtree(kept, ignore_errors=True)


@contextmanager
def smb_share(folder: Path) -> Iterator[Server]:
    """A share of a real Samba, signed and encrypted."""
    from tests.services.samba import PASSWORD_VARIABLE, Samba

    samba = Samba()
    samba.start()
    os.environ[PASSWORD_VARIABLE] = samba.password
    obscured = subprocess.run([RCLONE, "obscure", samba.password], capture_output=True, text=True, check=True)
    smbclient = ["smbclient", "//127.0.0.1/data", "-p", str(samba.port), "-U", f"{samba.user}%{samba.password}", "-c"]

    def commands(name: str, root: Path, target: Path) -> dict[str, list[str]]:
        target.mkdir()
        there = f"recurse; prompt; mkdir {name}; cd {name}"
        return {
            "first": [*smbclient, f"{there}; lcd {root}; mput *"],
            "fetch": [*smbclient, f"recurse; prompt; cd {name}; lcd {target}; mget *"],
        }

    import smbclient as library  # of smbprotocol; a name of its own beside the program's

    session = {"username": samba.user, "password": samba.password, "port": samba.port, "encrypt": True}

    def there(name: str) -> str:
        return rf"\\127.0.0.1\data\{name}"

    def look(name: str) -> object:
        try:
            return library.stat(there(name), **session)
        except OSError:  # of a class of its own, also for what is not there
            return None

    def send(name: str, data: bytes) -> None:
        with library.open_file(there(name), mode="xb", **session) as out:
            out.write(data)

    def get(name: str) -> bytes:
        with library.open_file(there(name), mode="rb", **session) as found:
            return bytes(found.read())

    remote = f":smb,host=127.0.0.1,port={samba.port},user={samba.user},pass={obscured.stdout.strip()}:data"
    try:
        yield Server(
            lambda name: samba.reference("data", name),
            lambda name: f"{remote}/{name}",
            Bare(look, send, get),
            "smbclient",
            commands,
        )
    finally:
        library.reset_connection_cache()
        samba.stop()


@contextmanager
def s3_bucket(folder: Path) -> Iterator[Server]:
    """A bucket of rclone's S3 server, which keeps objects as files: what it costs is in both figures."""
    from tests.services.s3_server import ACCESS_KEY, SECRET_KEY, s3_server

    (folder / "s3").mkdir()
    with s3_server(folder / "s3") as server:
        os.environ.update(server.environment)
        bucket = server.bucket()
        remote = (
            f":s3,provider=Other,endpoint='{server.address}',access_key_id={ACCESS_KEY},"
            f"secret_access_key='{SECRET_KEY}',region=us-east-1,force_path_style=true,no_check_bucket=true:{bucket}"
        )

        def commands(name: str, root: Path, target: Path) -> dict[str, list[str]]:
            aws = ["aws", "--endpoint-url", server.address, "--region", "us-east-1", "s3"]
            return {
                "first": [*aws, "cp", "--recursive", str(root), f"s3://{bucket}/{name}"],
                "unchanged": [*aws, "sync", str(root), f"s3://{bucket}/{name}"],
                "fetch": [*aws, "cp", "--recursive", f"s3://{bucket}/{name}", str(target)],
            }

        os.environ |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        os.environ |= {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}
        client = server.client()

        def look(name: str) -> object:
            try:
                return client.head_object(Bucket=bucket, Key=name)
            except client.exceptions.ClientError:
                return None

        def get(name: str) -> bytes:
            return bytes(client.get_object(Bucket=bucket, Key=name)["Body"].read())

        yield Server(
            lambda name: server.fields(bucket, prefix=name),
            lambda name: f"{remote}/{name}",
            Bare(look, lambda name, data: client.put_object(Bucket=bucket, Key=name, Body=data), get),
            "aws s3 cp, sync",
            commands if shutil.which("aws") else None,
        )


@contextmanager
def azure_container(folder: Path) -> Iterator[Server]:
    """A container of Azurite, which keeps blobs in memory."""
    from tests.services.azurite import ACCOUNT, azurite

    with azurite() as server:
        os.environ.update(server.environment)
        container = server.container()
        remote = f":azureblob,account={ACCOUNT},key='{server.key}',endpoint='{server.account_url}':{container}"
        client = server.client(container)
        bare = Bare(
            lambda name: client.get_blob_client(name).exists() or None,
            client.upload_blob,
            lambda name: bytes(client.download_blob(name).readall()),
        )
        yield Server(lambda name: server.fields(container, prefix=name), lambda name: f"{remote}/{name}", bare)


PLACES: dict[str, Callable[[Path], Any]] = {
    "folder": folders,
    "smb": smb_share,
    "s3": s3_bucket,
    "azure": azure_container,
}
