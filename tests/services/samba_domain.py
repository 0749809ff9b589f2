"""A real Active Directory domain: Samba as its controller, with one share and users that no system account stands for.

Only what file sharing needs of a controller is started, on a free loopback port: its Kerberos and LDAP want ports of
the system. Its winbind has one fixed place, so it runs with a /run/samba of its own.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.services.components import program
from tests.services.samba import free_port
from tests.services.waiting import eventually

HOW = "apt-get install samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind"
PASSWORD_VARIABLE = "TEST_DOMAIN_PASSWORD"
GLOBAL = """[global]
  server services = s3fs, winbindd
  smb ports = {port}
  disable netbios = yes
  ncalrpc dir = {folder}/ncalrpc
  ntp signd socket directory = {folder}/ntp
  pid directory = {folder}/pid
"""
SHARE = """
[flows]
  path = {folder}/flows
  read only = no
  server smb encrypt = required
"""


@dataclass
class SambaDomain:
    """The domain FLOWS (flows.test) with the user `ada`; `start()`, `stop()`."""

    user: str = "ada"
    password: str = field(default_factory=lambda: f"Pw-{secrets.token_hex(8)}")
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="homeport-domain-")))
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self._samba = program("samba", get=HOW)
        self._tool = program("samba-tool", get=HOW)
        for needed in ("winbindd", "unshare"):
            program(needed, get=HOW)
        if not Path("/usr/share/samba/setup/provision.ldif").exists():
            pytest.skip(f"left out: Samba cannot be a domain controller here; get it with: {HOW}")
        if os.geteuid() != 0:
            pytest.skip("left out: a domain controller is started by root only")
        self.folder.chmod(0o755)
        self.port = free_port()

    @property
    def config(self) -> Path:
        return self.folder / "etc/smb.conf"

    def reference(self, **more: Any) -> dict[str, Any]:
        """What names a folder on its share; the user's password is in the variable TEST_DOMAIN_PASSWORD."""
        return {
            "kind": "smb",
            "host": "127.0.0.1",
            "port": self.port,
            "share": "flows",
            "path": "code",
            "username": self.user,
            "domain": "FLOWS",
            "password": f"env:{PASSWORD_VARIABLE}",
            "timeout": 20,
            **more,
        }

    def start(self) -> None:
        """Make the domain and its user, and serve them."""
        where = ["--realm=FLOWS.TEST", "--domain=FLOWS", "--host-name=dc1", "--host-ip=127.0.0.1"]
        what = ["--server-role=dc", "--dns-backend=NONE", f"--adminpass={secrets.token_hex(8)}aA1!"]
        lo = ["--option=interfaces=lo", "--option=bind interfaces only=yes"]
        self._run([self._tool, "domain", "provision", f"--targetdir={self.folder}", *where, *what, *lo])
        for name in ("pid", "flows"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "flows").chmod(0o777)
        text = self.config.read_text().replace("[global]", GLOBAL.format(folder=self.folder, port=self.port), 1)
        text = text.replace("/var/log/samba/", f"{self.folder}/")
        self.config.write_text(text + SHARE.format(folder=self.folder))
        self.tool("user", "create", self.user, self.password)
        command = f"mkdir -p /run/samba && mount -t tmpfs tmpfs /run/samba && exec {self._samba} -i -s {self.config}"
        with (self.folder / "samba.log").open("ab") as out:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        eventually(self._listens, what=f"the domain controller listens on {self.port}", within=60)

    def tool(self, *arguments: str) -> None:
        """What an administrator does: `tool("user", "disable", "ada")`."""
        self._run([self._tool, *arguments, "-s", str(self.config)])

    def stop(self) -> None:
        """End it, and its processes, which go when it does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            eventually(lambda: not self._answers(), what="the domain controller is gone")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: list[str]) -> None:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        if ran.returncode != 0:
            raise AssertionError(f"{' '.join(command[:3])}: {ran.stdout[-1000:]}{ran.stderr[-3000:]}")

    def _listens(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError((self.folder / "samba.log").read_text()[-2000:])
        return self._answers()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
