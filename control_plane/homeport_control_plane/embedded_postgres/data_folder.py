"""The data folder: who holds it, where the database's files lie, and how they are first made.

    <data folder>/server.lock         held (flock) by the one server that uses the folder; names its process
    <base>/postgres/                  the cluster, made beside and renamed, so that it is whole or not there
    <base>/postgres.password          0600, made before the cluster
    <base>/postgres.log

The base is the data folder itself, or, where the user that PostgreSQL must run as cannot get there (root's home is
closed), a folder of its own below /var/lib/homeport. `<data folder>/database.location` then names that, and
`<base>/belongs_to` the other way round: whoever deletes the data folder starts anew, and finds the rest.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from homeport_control_plane.embedded_postgres.account import Account, account_for
from homeport_control_plane.startup_errors import StartupError

SUBSTITUTES: Final = Path("/var/lib/homeport")
SUPERUSER: Final = "homeport"
LOG_LIMIT: Final = 10 * 1024 * 1024


def make_folder(data_dir: Path) -> Path:
    """The data folder, absolute, made if it was not there. Raises StartupError if that is impossible."""
    folder = data_dir.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    except OSError as error:
        raise StartupError(
            f"The data folder {folder} cannot be made: {error.strerror}.", hint="Give another folder with --data-dir."
        ) from None
    return folder


def has_database(data_dir: Path) -> bool:
    """Whether a server has made its database there. Makes nothing."""
    return (data_dir / "postgres").exists() or (data_dir / "database.location").exists()


class FolderLock:
    """Holds the data folder for this process until it ends, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        """Takes the lock. Raises StartupError that names the process which has it."""
        path = make_folder(data_dir) / "server.lock"
        self._file = path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise StartupError(
                f"Another control plane (process {holder}) uses the data folder {data_dir}.",
                hint="Use that one, stop it (homeport server stop), or give another folder with --data-dir.",
            ) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Gives the folder up."""
        self._file.close()


class DataFolder:
    """Paths of one data folder, and the account that PostgreSQL runs as there."""

    def __init__(self, data_dir: Path, *, substitutes: Path = SUBSTITUTES) -> None:
        """Makes the folder. Raises StartupError if that is impossible."""
        self.substitutes = substitutes
        self.data_dir = make_folder(data_dir)
        self.base = self.data_dir
        self.account = account_for(self.cluster)
        if self.account is not None and not self.account.can_pass(self.data_dir.resolve()):
            self.base = self._substitute()
            self.account = account_for(self.cluster)

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own folder."""
        return self.base / "postgres"

    @property
    def log(self) -> Path:
        """What PostgreSQL prints."""
        return self.base / "postgres.log"

    @property
    def made_by(self) -> int | None:
        """The major version that made the cluster; None before it is made."""
        try:
            return int((self.cluster / "PG_VERSION").read_text().split(".")[0])
        except FileNotFoundError:
            return None

    def _substitute(self) -> Path:
        """The folder in place of ours, made once. Raises StartupError if it is gone."""
        pointer = self.data_dir / "database.location"
        if pointer.exists():
            base = Path(pointer.read_text().strip())
            if not base.is_dir():
                raise StartupError(
                    f"The database of {self.data_dir} should be in {base}, which does not exist.",
                    hint=f"Put it back from a backup, or delete {pointer} to start with an empty one.",
                )
            return base
        base = self.substitutes / secrets.token_hex(8)
        base.mkdir(parents=True, mode=0o711)
        (base / "belongs_to").write_text(f"{self.data_dir}\n")
        fresh = pointer.with_name(f"{pointer.name}.{os.getpid()}")
        fresh.write_text(f"{base}\n")
        fresh.replace(pointer)
        return base

    def password(self) -> str:
        """The superuser's password, made once. Raises StartupError if it got lost after the cluster was made."""
        path = self.base / "postgres.password"
        if not path.exists():
            if self.made_by is not None:
                raise StartupError(
                    f"The password of the database in {self.cluster} is gone: {path} is missing.",
                    hint="Put the file back from a backup, or move the database folder away to start empty.",
                )
            fresh = path.with_name(f"{path.name}.{os.getpid()}")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(32))
            fresh.replace(path)
        return path.read_text().strip()

    def make_cluster(self, binaries: Path) -> None:
        """Runs initdb in a folder beside and renames it. Raises StartupError with what initdb said."""
        password = self.password()
        for leftover in self.base.glob("postgres.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        workshop = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self.base))
        secret = workshop / "password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        if self.account:
            os.chown(workshop, self.account.uid, self.account.gid)
            os.chown(secret, self.account.uid, self.account.gid)
        self._initdb(binaries, workshop / "cluster", secret)
        (workshop / "cluster").replace(self.cluster)
        _sync(self.base)
        shutil.rmtree(workshop)

    def _initdb(self, binaries: Path, target: Path, secret: Path) -> None:
        command = [str(binaries / "initdb"), "-D", str(target), "-U", SUPERUSER, f"--pwfile={secret}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--data-checksums", "--no-instructions"]
        account = self.account
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            shutil.rmtree(target.parent, ignore_errors=True)
            raise StartupError(
                f"The database could not be made in {self.base}: {(done.stderr or done.stdout).strip()[-500:]}",
                hint="Is the disk full, or the folder on a file system without permissions? Try another --data-dir.",
            )

    def open_log(self) -> int:
        """A file descriptor that PostgreSQL appends its log to; a log grown too long is put aside first."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def account_name(account: Account | None) -> str:
    """For the log: whom PostgreSQL runs as."""
    return account.name if account else "this user"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
