"""The listening socket, taken before anything else is started, so that a taken port is said at once."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from pathlib import Path

from homeport_control_plane.startup_errors import StartupError


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises StartupError that names who has the port, if that can be seen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, OverflowError):
        raise StartupError(
            f"There is no address to listen on called {host}:{port}.", hint="Try --host 127.0.0.1 --port 4700."
        ) from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        # Two sockets may be bound with SO_REUSEADDR as long as none listens.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _failure(host, port, error) from None
    listener.setblocking(False)
    return listener


def url_of(host: str, listener: socket.socket) -> str:
    """The address to type on this machine."""
    port = listener.getsockname()[1]
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _failure(host: str, port: int, error: OSError) -> StartupError:
    if error.errno == errno.EADDRINUSE:
        holder = _holder(port)
        return StartupError(
            f"Port {port} on {host} is taken{f' by {holder}' if holder else ''}.",
            hint=f"Stop that (homeport server stop, if it is ours), or take another port: --port {port + 1}",
        )
    if error.errno == errno.EACCES:
        return StartupError(f"Port {port} may not be taken by this user.", hint="Take a port above 1023.")
    return StartupError(f"Cannot listen on {host}:{port}: {error.strerror}.", hint="Try --host 127.0.0.1.")


def _holder(port: int) -> str | None:
    """ "process 123 (name)" of whoever listens on the port, where Linux lets us see it."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == "0A" and int(columns[1].rsplit(":", 1)[1], 16) == port:
                    inodes.add(f"socket:[{columns[9]}]")
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        with contextlib.suppress(OSError):
            if any(os.readlink(descriptor) in inodes for descriptor in (process / "fd").iterdir()):  # noqa: PTH115
                ours = b"homeport_control_plane" in (process / "cmdline").read_bytes()
                name = "a Homeport control plane" if ours else (process / "comm").read_text().strip()
                return f"process {process.name} ({name})"
    return None
