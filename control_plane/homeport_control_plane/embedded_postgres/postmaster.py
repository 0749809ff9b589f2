"""One postmaster process: started so that it dies with us, told apart from a stranger's, waited for, stopped."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from homeport_control_plane.embedded_postgres.account import Account
from homeport_control_plane.embedded_postgres.data_folder import DataFolder
from homeport_control_plane.startup_errors import StartupError

_PR_SET_PDEATHSIG: Final = 1
# Small and durable: one server process is the only client; what is acknowledged is on the disk.
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "40",
    "shared_buffers": "32MB",
    "max_wal_size": "1GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    # Queues and leases are few rows that change all the time: a minute's dead rows would slow each claim.
    "autovacuum_naptime": "20s",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
_SETTINGS_18: Final = {"io_method": "sync"}


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def spawn(folder: DataFolder, binaries: Path, *, port: int, version: int) -> subprocess.Popen[bytes]:
    """The postmaster, just forked; by the main thread, because Linux ends a child with its parent *thread*."""
    assert threading.current_thread() is threading.main_thread(), "PDEATHSIG follows the thread that forked"
    settings = _SETTINGS | (_SETTINGS_18 if version >= 18 else {})
    command = [str(binaries / "postgres"), "-D", str(folder.cluster), "-p", str(port)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = folder.open_log()
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            preexec_fn=_become(folder.account),
        )
    finally:
        os.close(log)


def ready(folder: DataFolder, process: subprocess.Popen[bytes]) -> bool:
    """Whether this postmaster takes connections. Raises StartupError with the end of its log if it ended."""
    if process.poll() is not None:
        tail = folder.log.read_text(errors="replace")[-600:].strip() if folder.log.exists() else ""
        raise StartupError(
            f"PostgreSQL ended at its start with code {process.returncode}: {tail}",
            hint=f"Its log is {folder.log}.",
        )
    lines = _pid_file(folder)
    return len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready"


def running_port(folder: DataFolder) -> int | None:
    """Where the folder's PostgreSQL takes connections, if one runs, whoever started it."""
    lines = _pid_file(folder)
    if len(lines) < 8 or lines[7].strip() != "ready" or not _is_postmaster_of(int(lines[0]), folder.cluster):
        return None
    return int(lines[3])


def stop(process: subprocess.Popen[bytes], *, patience: float = 2.0) -> None:
    """Fast shutdown; immediate after `patience` seconds (the next start then recovers from the log)."""
    for how, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            return
        process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def stop_orphan(folder: DataFolder, *, patience: float = 10.0) -> int | None:
    """Ends a postmaster that another server left behind on this folder, which we hold the lock of; its process id."""
    lines = _pid_file(folder)
    pid = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
    if not pid or not _is_postmaster_of(pid, folder.cluster):
        return None
    deadline = time.monotonic() + patience
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
        while _is_postmaster_of(pid, folder.cluster):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGQUIT)
                deadline += patience
            time.sleep(0.02)
    return pid


def _is_postmaster_of(pid: int, cluster: Path) -> bool:
    """By its command line, so that a process which got the same number after a crash is left alone."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(cluster) in command and command[0].endswith(b"postgres")


def _pid_file(folder: DataFolder) -> list[str]:
    try:
        return (folder.cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _become(account: Account | None) -> Callable[[], None]:
    """What the child does between fork and exec. Only system calls, all looked up before the fork."""
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def prepare() -> None:
        os.setsid()  # Ctrl-C in a terminal is for the server, which then stops PostgreSQL in order.
        if account is not None:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))  # After setuid, which clears it.
            if os.getppid() != parent:
                os._exit(1)  # The parent died in between; nobody would tell us any more.

    return prepare
