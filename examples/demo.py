"""What `make demo` does: the commands a newcomer would type, one after the other, each shown before it runs.

Everything lives in one folder (`~/homeport-demo`, or HOMEPORT_DEMO_DIR), so that nothing of an existing installation is
touched; running it again uses what is there. The control plane is left running, because its page is what one wants to
look at next; the last lines say so, and how to stop it. The agent ends with the demo.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

FOLDER = Path(os.environ.get("HOMEPORT_DEMO_DIR", "~/homeport-demo")).expanduser()
HOMEPORT = Path(sys.executable).with_name("homeport")
EXAMPLES = Path(__file__).resolve().parent
PREFERRED_PORT = 4700


def main() -> int:
    """Play the demo; the exit code is the run's."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    port = chosen_port()
    world = environment(port)
    say(f"Everything of this demo lives in {FOLDER}.")
    if not server_runs(world) and run(world, "server", "start", "--detach", "--port", str(port)) != 0:
        return 1
    run(world, "auth", "status")
    run(world, "create", "project", "Demo", "--skip-if-exists")
    run(world, "register", "--project", "Demo", "-p", str(EXAMPLES / "installed_packages.py"), "--root", str(EXAMPLES))
    agent = start_agent(world)
    try:
        outcome = run(
            world, "run", "-n", "installed-packages", "--project", "Demo",
            "--param", f"output={FOLDER / 'results'}", "--watch",
        )  # fmt: skip
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(30)
    tell_what_is_left(port, outcome)
    return outcome


def environment(port: int) -> dict[str, str]:
    """The settings of a user with an empty home folder; nothing of the caller's own Homeport shines through."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOMEPORT_")}
    return kept | {"HOMEPORT_HOME": str(FOLDER / "home"), "HOMEPORT_API_URL": f"http://127.0.0.1:{port}"}


def chosen_port() -> int:
    """The port of an earlier demo's control plane; else 4700, or a free one where 4700 is taken."""
    remembered = FOLDER / "port"
    if remembered.exists():
        return int(remembered.read_text())
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", PREFERRED_PORT))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    remembered.write_text(str(port))
    return port


def server_runs(world: dict[str, str]) -> bool:
    """Whether an earlier demo's control plane still runs; it is used again."""
    status = subprocess.run([HOMEPORT, "server", "status"], env=world, check=False, capture_output=True)
    if status.returncode == 0:
        say("The control plane of an earlier demo still runs, and is used again.")
    return status.returncode == 0


def run(world: dict[str, str], *arguments: str) -> int:
    """Show a command, run it, and hand back its exit code."""
    say(f"$ homeport {shlex.join(arguments)}")
    return subprocess.run([HOMEPORT, *arguments], env=world, check=False).returncode


def start_agent(world: dict[str, str]) -> subprocess.Popen[bytes]:
    """An agent in the background, its output in a file, as a service would have it."""
    log = FOLDER / "agent.log"
    say(f"$ homeport agent local start --name demo > {log} &")
    with log.open("ab") as output:
        return subprocess.Popen(
            [HOMEPORT, "agent", "local", "start", "--name", "demo"], env=world, stdout=output, stderr=output
        )


def tell_what_is_left(port: int, outcome: int) -> None:
    """The page's address, where the result lies, and how to stop what still runs."""
    print()
    if outcome == 0:
        print(f"Result:  {FOLDER / 'results'}")
    print(f"Page:    http://127.0.0.1:{port}/")
    print("Running: the control plane with its PostgreSQL (the agent has ended). Stop it with: make stop")


def stop() -> int:
    """End what `main` left running."""
    if not (FOLDER / "port").exists():
        print("The demo was never started here.")
        return 0
    return run(environment(chosen_port()), "server", "stop")


def say(line: str) -> None:
    """One line with an empty one before it, at once even in a pipe."""
    print(f"\n{line}", flush=True)


if __name__ == "__main__":
    sys.exit(stop() if sys.argv[1:] == ["stop"] else main())
