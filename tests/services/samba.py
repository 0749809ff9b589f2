"""A real Samba on a free loopback port, with everything it writes in one folder, and a user of its own.

Shares: `data` (writable, wants encryption), `plain` (writable, encrypted only if the client asks), `readonly` (the same
folder as `data`, not writable), `closed` (this user may not use it), `full` (for a small disk), and `dfs`, a DFS root
whose `link` leads to `data`.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.services.components import program
from tests.services.waiting import eventually

HOW = "apt-get install samba"
PASSWORD_VARIABLE = "TEST_SMB_PASSWORD"

CONFIG = """
[global]
  workgroup = TEST
  netbios name = TESTSRV
  server role = standalone server
  interfaces = 127.0.0.1
  bind interfaces only = yes
  smb ports = {port}
  disable netbios = yes
  private dir = {folder}/private
  state directory = {folder}/state
  lock directory = {folder}/lock
  pid directory = {folder}/pid
  cache directory = {folder}/cache
  ncalrpc dir = {folder}/ncalrpc
  usershare max shares = 0
  passdb backend = tdbsam:{folder}/private/passdb.tdb
  log file = {folder}/log.%m
  log level = 1
  server min protocol = SMB2_02
  server signing = mandatory
  server smb encrypt = default
  map to guest = never
  load printers = no
  printing = bsd
  printcap name = /dev/null
  disable spoolss = yes
  host msdfs = yes
[data]
  path = {folder}/data
  read only = no
  valid users = {user}
  server smb encrypt = required
[plain]
  path = {folder}/plain
  read only = no
  valid users = {user}
[readonly]
  path = {folder}/data
  read only = yes
[full]
  path = {folder}/full
  read only = no
[closed]
  path = {folder}/data
  valid users = root
[dfs]
  path = {folder}/dfs
  read only = no
  msdfs root = yes
"""


@dataclass
class Samba:
    """`start()`, `stop()`; `kill()` ends it as a power cut does, and `start()` brings it back on the same port."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="homeport-samba-")))
    user: str = field(default_factory=lambda: f"hpsmb{os.getpid() % 100_000}{secrets.token_hex(2)}")
    password: str = field(default_factory=lambda: f"pw-{secrets.token_hex(8)}")
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self._smbd = program("smbd", get=HOW)
        self._smbpasswd = program("smbpasswd", get=HOW)
        if os.geteuid() != 0:
            pytest.skip("left out: Samba needs an account of this system for its user, which only root can make")
        # Not below pytest's folder, which every session closes anew to all but its owner.
        self.folder.chmod(0o755)
        self.port = free_port()
        self._made = False

    @property
    def config(self) -> Path:
        return self.folder / "smb.conf"

    def share(self, name: str = "data") -> Path:
        """What is on the share, behind Samba's back."""
        return self.folder / name

    def reference(self, share: str = "data", path: str = "flows", **more: Any) -> dict[str, Any]:
        """What names a folder on a share; the password is in the variable TEST_SMB_PASSWORD."""
        return {
            "kind": "smb",
            "host": "127.0.0.1",
            "port": self.port,
            "share": share,
            "path": path,
            "username": self.user,
            "password": f"env:{PASSWORD_VARIABLE}",
            "timeout": 10,
            **more,
        }

    def start(self) -> None:
        if not self._made:
            self._make()
        with (self.folder / "smbd.log").open("ab") as out:
            self.process = subprocess.Popen(
                [self._smbd, "-s", str(self.config), "-F", "--no-process-group", "-l", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        eventually(self._listens, what=f"Samba listens on {self.port}", within=20)

    def kill(self) -> None:
        """End every process of it at once; what clients have open is torn."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            self.process = None
            eventually(lambda: not self._listens(), what="Samba is gone")

    def drop_connections(self) -> None:
        """End the processes that serve clients; the one that listens stays."""
        assert self.process is not None
        for child in _serving(self.process.pid, self.port):
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.kill(child, signal.SIGKILL)

    def pause(self) -> list[int]:
        """Stop every process of it, so that connections stay open and nothing answers; the list is for `resume`."""
        assert self.process is not None
        pids = [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        return pids

    def resume(self, pids: list[int]) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    def set_password(self, password: str) -> None:
        subprocess.run(
            [self._smbpasswd, "-c", str(self.config), "-a", "-s", self.user],
            input=f"{password}\n{password}\n",
            text=True,
            check=True,
            capture_output=True,
        )

    def stop(self) -> None:
        self.kill()
        if self._made:
            gone = ["userdel", self.user]  # refused as long as one of the processes is being ended
            eventually(lambda: subprocess.run(gone, capture_output=True).returncode == 0, what=f"{self.user} is gone")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        for name in ("private", "state", "lock", "pid", "cache", "ncalrpc", "data", "plain", "full", "dfs"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "dfs/link").symlink_to(r"msdfs:127.0.0.1\data")
        self.config.write_text(CONFIG.format(folder=self.folder, port=self.port, user=self.user))
        # Samba maps each of its users to an account of the system; this one can neither log in nor has a home.
        subprocess.run(["useradd", "-M", "-s", "/usr/sbin/nologin", self.user], check=True, capture_output=True)
        self._made = True
        for name in ("data", "plain", "full", "dfs"):
            subprocess.run(["chown", self.user, str(self.folder / name)], check=True)
        self.set_password(self.password)

    def _listens(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError((self.folder / "smbd.log").read_text()[-2000:])
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serving(parent: int, port: int) -> list[int]:
    return [
        child.pid
        for child in psutil.Process(parent).children(recursive=True)
        if any(one.laddr and one.laddr.port == port and one.raddr for one in child.net_connections(kind="tcp"))
    ]
