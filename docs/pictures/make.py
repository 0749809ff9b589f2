"""Makes the pictures of the README's tour: types its commands, and draws what they printed.

    .venv/bin/python docs/pictures/make.py

A control plane, an agent and the commands are real; each command is given a terminal of its own, because that is where
it draws tables and colours. Its output is drawn by rich, and the page at / is photographed by Chromium. Host names and
keys are blanked.
"""

import contextlib
import fcntl
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
COLUMNS = 110
PROGRAM = str(Path(sys.executable).with_name("homeport"))
SAVED = re.compile(r"^```python\n(# (\S+\.py)\n.*?)^```$", re.MULTILINE | re.DOTALL)
REDRAWN = re.compile(r"[^\n]*\r(?!\n)(\x1b\[K)?|\x1b\[K")
FONT_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
PICTURES = (
    ("register", ["register --project Shop -p flows/prices.py --root ."]),
    ("explain", ["run -n prices --project Shop --run-name first", "run explain first"]),
    ("watch", ['run -n prices --project Shop --param \'lines=["tea 4", "jam 5.5", "milk 1"]\' --watch']),
    (
        "block",
        ["block create folder/shop --field path=/tmp/homeport-tour/share", "block check folder/shop"],
    ),
    ("runs", ["flow-run ls"]),
    ("doctor", ["doctor"]),
)


def main() -> None:
    """Make every picture, in the order of the tour."""
    home = Path(tempfile.mkdtemp(prefix="homeport-pictures-"))
    home.chmod(0o711)
    # The command would make it for its owner only, and PostgreSQL would move out of it, and stay, where that is root.
    (home / ".homeport" / "server").mkdir(parents=True)
    tour = Path("/tmp/homeport-tour")  # noqa: S108 - the folder that the tour names
    tour.mkdir()
    try:
        for body, name in SAVED.findall(README.read_text()):
            (tour / name).parent.mkdir(exist_ok=True)
            (tour / name).write_text(body)
        world = World(home, tour)
        world.typed("server start --detach --port 4700")
        try:
            world.typed("create project Shop")
            world.draw_all()
        finally:
            world.typed("server stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(tour)


class World:
    """One user's folders and terminal."""

    def __init__(self, home: Path, tour: Path) -> None:
        self.tour = tour
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HOMEPORT_HOME": str(home / ".homeport"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "TERM": "xterm-256color",
            "TZ": "UTC",
        }

    def draw_all(self) -> None:
        """Each picture; the agent is started when the tour says so."""
        agent = None
        try:
            for name, commands in PICTURES:
                if name == "watch":
                    agent = subprocess.Popen(
                        [PROGRAM, "agent", "local", "start", "--name", "tour"],
                        env=self.environment,
                        cwd=self.tour,
                        stderr=subprocess.DEVNULL,
                    )
                self.draw(name, commands)
            photograph("http://127.0.0.1:4700/", HERE / "page.png")
        finally:
            if agent is not None:
                agent.send_signal(signal.SIGTERM)
                agent.wait(30)

    def draw(self, name: str, commands: list[str]) -> None:
        """Type the commands and draw them with what they printed."""
        console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
        for command in commands:
            console.print(Text("$ ", "bold green") + Text(f"homeport {command}", "bold"), soft_wrap=True)
            console.print(Text.from_ansi(self.blanked(self.typed(command))))
        console.print()  # rich cuts the last line off
        drawn = console.export_svg(title="homeport", unique_id=name)
        drawn = FONT_FROM_ELSEWHERE.sub("", drawn)  # a picture asks nobody for anything
        (HERE / f"{name}.svg").write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n")

    def typed(self, command: str) -> str:
        """What the command prints on a terminal; what was drawn over is left out."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        process = subprocess.Popen(
            ["timeout", "60", "bash", "-c", f"{PROGRAM} {command}"],
            env=self.environment,
            cwd=self.tour,
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        printed = b""
        with contextlib.suppress(OSError):  # how a terminal says that its last writer is gone
            while chunk := os.read(master, 65536):
                printed += chunk
        os.close(master)
        process.wait()
        return REDRAWN.sub("", printed.decode().replace("\r\n", "\n")).rstrip("\n")

    def blanked(self, text: str) -> str:
        """Without what is of this machine."""
        text = text.replace(str(self.home / ".homeport"), "/home/you/.homeport").replace(socket.gethostname(), "host")
        return re.sub(r"hp_(\w+?)_[0-9a-f]{12}_?[0-9a-f]*(\.\.\.)?", r"hp_\1_...", text)


def photograph(url: str, into: Path) -> None:
    """A picture of a page, where there is a browser; else the one that is there stays."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.stderr.write(f"{into.name} was not made: there is no chromium here\n")
        return
    quiet = [
        "--hide-scrollbars",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", *quiet, "--window-size=900,760"]
    subprocess.run([*command, f"--screenshot={into}", url], check=True, timeout=60, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
