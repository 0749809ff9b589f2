"""A real control plane in a process of its own, on its embedded PostgreSQL or on a given one."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.services.waiting import eventually


def free_port() -> int:
    """A TCP port on loopback that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class ControlPlane:
    """Starts, kills and restarts one server on one data folder; `admin_key` is kept from the first start."""

    data_dir: Path
    database_url: str | None = None
    port: int = field(default_factory=free_port)
    admin_key: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir.with_name(self.data_dir.name + ".server.log")

    def dsn(self) -> str:
        """How to look into the database behind the server's back, as its operator could."""
        if self.database_url:
            return self.database_url
        substitutes = Path("/var/lib/homeport") / hashlib.sha256(os.fsencode(self.data_dir.absolute())).hexdigest()[:16]
        base = self.data_dir if (self.data_dir / "postgres").exists() else substitutes
        port = (base / "postgres" / "postmaster.pid").read_text().splitlines()[3]
        password = (base / "postgres.password").read_text().strip()
        return f"postgresql://homeport:{password}@127.0.0.1:{port}/postgres"

    def start(self) -> dict[str, object]:
        """Start and wait for the ready line; returns it. A start-up failure is an AssertionError with its message."""
        read_end, write_end = os.pipe()
        command = [sys.executable, "-m", "homeport_control_plane", "serve", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--data-dir", str(self.data_dir), "--ready-fd", str(write_end)]
        if self.database_url:
            command += ["--database-url", self.database_url]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, pass_fds=[write_end], stdout=log, stderr=log, env=os.environ | self.environment
            )
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            line = ready.readline()
        answer: dict[str, object] = json.loads(line or "{}")
        assert "url" in answer, f"the control plane did not start: {line or self.log.read_text()[-2000:]}"
        self.admin_key = str(answer.get("admin_key") or self.admin_key)
        return answer

    def kill(self) -> None:
        """SIGKILL, and wait for the end of its PostgreSQL, which dies with it."""
        assert self.process is not None
        postgres = self.postgres_pid()
        self.process.kill()
        self.process.wait(10)
        if postgres:
            eventually(lambda: not _alive(postgres), what="PostgreSQL ends with its killed parent", within=15)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def postgres_pid(self) -> int | None:
        """The embedded postmaster's process id, while there is one."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for child in children.read_text().split() if children.exists() else []:
            if b"postgres" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        return None


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
