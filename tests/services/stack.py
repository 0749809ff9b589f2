"""What a user has on the desk: a home folder, a control plane, the `homeport` command, agents as processes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.services.control_plane import ControlPlane
from tests.services.waiting import eventually

PROGRAM = str(Path(sys.executable).with_name("homeport"))


@dataclass
class AgentProcess:
    """A running `homeport agent start`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self, within: float = 30) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)


@dataclass
class Stack:
    """One user's world below one folder; every process started here ends with `close()`."""

    folder: Path
    control_plane: ControlPlane
    url: str = ""
    agents: list[AgentProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.url = self.url or self.control_plane.url
        self.home.mkdir(parents=True, exist_ok=True)
        self.code.mkdir(parents=True, exist_ok=True)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def code(self) -> Path:
        """The user's source folder."""
        return self.folder / "code"

    @property
    def witness(self) -> Path:
        """Written by user code alone: what really ran, independent of any database."""
        return self.folder / "witness.txt"

    def witnessed(self) -> list[str]:
        return self.witness.read_text().splitlines() if self.witness.exists() else []

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HOMEPORT_")}
        kept |= {
            "HOME": str(self.folder),
            "HOMEPORT_HOME": str(self.home),
            "HOMEPORT_API_URL": self.url,
            "HOMEPORT_API_KEY": self.control_plane.admin_key,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "NO_COLOR": "1",
            "WITNESS": str(self.witness),
        }
        return kept | more

    def cli(
        self, *arguments: str, expect: int | None = 0, within: float = 60, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would, in the code folder; checks the exit code unless `expect` is None."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment(**environment),
            cwd=self.code,
            capture_output=True,
            text=True,
            timeout=within,
            input=stdin,
        )
        assert "Traceback" not in done.stderr, done.stderr
        if expect is not None:
            assert done.returncode == expect, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, **environment: str) -> Any:
        """What the command prints with --json."""
        return json.loads(self.cli(*arguments, "--json", **environment).stdout)

    def write_flow(self, name: str, source: str) -> Path:
        path = self.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    def start_agent(
        self, name: str, *arguments: str, url: str | None = None, wait: bool = True, **environment: str
    ) -> AgentProcess:
        """Start an agent and wait until the control plane shows it."""
        log = self.folder / f"{name}.agent.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [PROGRAM, "agent", "local", "start", "--name", name, *arguments],
                env=self.environment(HOMEPORT_API_URL=url or self.url, **environment),
                cwd=self.folder,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        agent = AgentProcess(name, process, log)
        self.agents.append(agent)
        if wait:
            eventually(
                lambda: name in self.cli("agent", "ls", "--json", expect=None).stdout or process.poll() is not None,
                what=f"agent {name} registers",
                every=0.2,
            )
            assert process.poll() is None, log.read_text()[-2000:]
        return agent

    def run_processes(self) -> list[psutil.Process]:
        """Every live process of this world's runs, found by the environment that only they and their agents carry."""
        agents = {agent.process.pid for agent in self.agents}
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("WITNESS") == str(self.witness)
                if ours and process.pid not in agents and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def close(self) -> None:
        """End what this world started, and nothing else."""
        for agent in self.agents:
            if agent.process.poll() is None:
                agent.process.kill()
                agent.process.wait(10)
        for process in self.run_processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
