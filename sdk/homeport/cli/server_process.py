"""The control plane's process on this machine: starting it, waiting until it is ready, stopping it.

Only the process is known here, by what it writes when it is ready; this side imports nothing of the control plane.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from homeport.cli import process_identity
from homeport.cli.failures import CommandError
from homeport.cli.server_folder import Running

READY_SECONDS = 90.0  # a first start makes a database; on a slow disk that takes its time
DATABASE_URL = "HOMEPORT_DATABASE_URL"
_PROGRAM = (sys.executable, "-m", "homeport_control_plane")
_NEEDED = ("asyncpg", "starlette", "strawberry", "uvicorn", "coolname", "jsonschema_rs")


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a control plane."""

    host: str
    port: int
    data_dir: Path
    database_url: str | None = None


def require_installed() -> None:
    """CommandError when what a control plane needs is not installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(
            f"The control plane needs packages that are not installed: {', '.join(missing)}.",
            hint="pip install 'homeport[server]'",
        )


def require_free(host: str, port: int) -> None:
    """CommandError that says who listens when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise CommandError(
                f"Port {port} needs more rights than this user has.", hint="Choose one above 1023."
            ) from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise _taken(host, port) from None
            raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}.", hint="Check --host.") from None


def _taken(host: str, port: int) -> CommandError:
    from urllib.error import URLError
    from urllib.request import ProxyHandler, build_opener

    url = f"http://{_reachable(host)}:{port}"
    try:
        with build_opener(ProxyHandler({})).open(f"{url}/", timeout=2) as answer:
            ours = b"homeport" in answer.read(4096).lower()
    except (URLError, OSError, ValueError):
        ours = False
    who = "a Homeport control plane" if ours else "another program"
    other = f"homeport server start --port {port + 1}"
    hint = f"Use it: homeport auth login --api {url} --key -    or: {other}"
    return CommandError(
        f"Port {port} of {host} is taken by {who}{_holder(port)}.",
        hint=hint if ours else other,
    )


def _holder(port: int) -> str:
    try:
        psutil = importlib.import_module("psutil")  # an extra

        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" ({psutil.Process(connection.pid).name()}, pid {connection.pid})"
    except Exception:  # not installed, or the sockets are another user's
        return ""
    return ""


def spawn(launch: Launch, *, log: IO[bytes] | None) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start the process; returns it and the pipe on which it says that it is ready. With a log it outlives us."""
    read_end, write_end = os.pipe()
    command = [*_PROGRAM, "serve", "--host", launch.host, "--port", str(launch.port)]
    command += ["--data-dir", str(launch.data_dir), "--ready-fd", str(write_end)]
    command += ["--die-with-parent"] if log is None else []
    process = subprocess.Popen(
        command,
        pass_fds=[write_end],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=_environment(launch.database_url),
        start_new_session=log is not None,
        cwd="/" if log is not None else None,
    )
    os.close(write_end)
    return process, os.fdopen(read_end, "rb")


def new_admin_key(data_dir: Path, database_url: str | None, *, within: float = READY_SECONDS) -> str:
    """A new admin key of the control plane whose database this is; CommandError with what it said when it made none."""
    try:
        done = subprocess.run(
            [*_PROGRAM, "admin-key", "--json", "--data-dir", str(data_dir)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(database_url),
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"The database did not answer within {within:.0f} s.") from None
    answer = _object(done.stdout)
    if "admin_key" not in answer:
        said = answer.get("error") or f"No key was made (exit code {done.returncode})."
        raise CommandError(str(said), hint=answer.get("hint"))
    return str(answer["admin_key"])


def _environment(database_url: str | None) -> dict[str, str]:
    """The database's address goes in here and not as an argument, which everybody on the machine can read."""
    kept = {name: value for name, value in os.environ.items() if name not in ("HOMEPORT_API_KEY", DATABASE_URL)}
    return kept | ({DATABASE_URL: database_url} if database_url else {})


def wait_until_ready(
    process: subprocess.Popen[bytes],
    ready: IO[bytes],
    *,
    within: float = READY_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """What the process wrote when it was ready; CommandError with what it said when it did not start."""
    deadline = clock() + within
    line = b""
    while not line.endswith(b"\n"):
        if not select.select([ready], [], [], max(0.0, deadline - clock()))[0]:
            raise CommandError(f"The control plane was not ready within {within:.0f} s.", hint="See its log.")
        chunk = os.read(ready.fileno(), 65536)
        if not chunk:
            break
        line += chunk
    answer = _object(line)
    if "url" in answer:
        return answer
    code = process.wait(10)
    raise CommandError(
        str(answer.get("error") or f"The control plane ended while it started (exit code {code})."),
        hint=answer.get("hint"),
    )


def stop(running: Running, *, within: float, clock: Callable[[], float] = time.monotonic) -> bool:
    """Ask the process to end and wait; False when it still lives after `within` seconds."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = clock() + within
    while process_identity.is_alive(running.pid, running.started):
        if clock() > deadline:
            return False
        time.sleep(0.05)
    return True


def _reachable(host: str) -> str:
    """Where a server that listens on this host can be asked from here."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared with, not bound to
    return everywhere.get(host, f"[{host}]" if ":" in host else host)


def _object(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
