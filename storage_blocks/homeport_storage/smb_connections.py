"""Connections to one folder of a share: lent to one thread at a time, replaced when they have died meanwhile.

smbprotocol's connection may be shared by threads, but then they compete for the credits of one window and fail when it
is empty; and it waits for an answer without end. So each thread has its own, and each answer a deadline. `smbclient`,
its upper layer, connects, because it follows DFS referrals; what is sent over a connection are compounds of our own
(smb.py), because a file then takes one or two round trips instead of five.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from smbclient._io import SMBDirectoryIO
from smbclient._pool import get_smb_tree
from smbprotocol.connection import Connection
from smbprotocol.exceptions import (
    BadNetworkName,
    SMBAuthenticationError,
    SMBException,
    SMBOSError,
    SMBResponseException,
)
from smbprotocol.open import Open
from smbprotocol.transport import Tcp

from homeport.secrets import is_reference, resolve
from homeport_storage.smb_errors import NOT_THERE, is_lost, status_of
from homeport_storage.smb_fields import SmbFields

IDLE_SECONDS = 30.0
"""A connection that was idle for longer is closed and not lent: a firewall may have dropped it without a word."""

Action = tuple[Any, Callable[[Any], Any]]
"""(message, what unpacks its answer), as smbprotocol gives them with `send=False`."""


class _Transport(Tcp):  # type: ignore[misc]  # smbprotocol has no types
    """A transport that neither waits for ever until a peer reads, nor believes any length that a peer announces."""

    send_within = 60.0

    def connect(self) -> None:
        super().connect()
        seconds, fraction = divmod(self.send_within, 1)
        limit = struct.pack("ll", int(seconds), int(fraction * 1_000_000))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, timeout: float) -> Any:
        head, timeout = self._recv(4, timeout)
        if not head:
            return b""
        if head[0] != 0:  # a web server, say: its first letters would be a length of a gigabyte
            raise SMBException("what answers there is no SMB server")
        return self._recv(int.from_bytes(head, "big"), timeout)[0]


class _Bounded(Connection):  # type: ignore[misc]  # smbprotocol has no types
    """A connection that waits for no answer longer than it was told."""

    def __init__(self, host: str, port: int, fields: SmbFields) -> None:
        self._within = fields.timeout
        # A name of its own for each: Samba takes connections of one name for channels of one client, and hands them
        # from process to process; when many are opened at once, some of them get lost on the way.
        super().__init__(uuid.uuid4(), host, port, require_signing=fields.require_signing)

    @property
    def transport(self) -> _Transport | None:
        """What carries the messages: made by smbprotocol when it connects, and replaced by ours before it is used."""
        return self._transport

    @transport.setter
    def transport(self, made: Any) -> None:
        self._transport = None if made is None else _Transport(made.server, made.port, made.timeout)
        if self._transport is not None:
            self._transport.send_within = self._within

    def receive(self, request: Any, wait: bool = True, timeout: Any = None, resolve_symlinks: bool = True) -> Any:
        return super().receive(request, wait, timeout or self._within, resolve_symlinks)


class _Servers(dict[str, Connection]):
    """The connections that smbclient looks up and, following a referral, needs: `host:port` -> connection."""

    def __init__(self, fields: SmbFields) -> None:
        super().__init__()
        self._fields = fields

    def get(self, name: str, default: Any = None) -> Any:
        found = super().get(name)
        if found is None:
            host, _, port = name.rpartition(":")
            found = self[name] = _connected(host, int(port), self._fields)
        return found

    def close(self) -> None:
        for connection in self.values():
            with suppress(Exception):  # it is given up; that it cannot even be closed is no news
                connection.disconnect(False)


def _connected(host: str, port: int, fields: SmbFields) -> Connection:
    connection = _Bounded(host, port, fields)
    try:
        connection.connect(timeout=fields.connect_timeout)
    except BaseException:
        with suppress(Exception):
            connection.disconnect(False)
        raise
    return connection


class Folder:
    """The storage's folder over one connection, which one thread uses at a time."""

    def __init__(self, fields: SmbFields) -> None:
        self._servers = _Servers(fields)
        self._within = int(fields.timeout)
        self.used = False
        self.idle_since = 0.0
        self.written_to: set[str] = set()
        """The folders in which files were written by this connection, as names from the root of the share."""
        try:
            self._tree, self._names, self._renames = self._opened(fields)
        except SMBException as error:
            self.close()
            if status_of(error) in NOT_THERE:  # asked for the share, not for a file: a DFS root says it like this
                raise BadNetworkName from error
            raise
        except ImportError as error:
            self.close()
            raise SMBAuthenticationError(f"{fields.auth_protocol} cannot be used here: {error}") from error
        except BaseException as error:
            self.close()
            # Not all that the Kerberos libraries raise comes wrapped.
            if type(error).__module__.partition(".")[0] in ("krb5", "gssapi", "spnego"):
                raise SMBAuthenticationError(str(error)) from error
            raise

    def _opened(self, fields: SmbFields) -> tuple[Any, str, str]:
        """The tree, and what stands before a name in it: when a file is opened, and when one is renamed."""
        login = {
            "username": _username(fields),
            "password": resolve(fields.password).get() if fields.password else None,
            "port": fields.port,
            "encrypt": True if fields.require_encryption else None,
            "connection_timeout": fields.connect_timeout,
            "connection_cache": self._servers,
            "auth_protocol": fields.auth_protocol,
            "require_signing": fields.require_signing,
        }
        parts = fields.path.split("/") if fields.path else []
        tree, inside = get_smb_tree("\\".join(["\\\\" + fields.host, fields.share, *parts]), **login)
        if not tree.is_dfs_share:
            return tree, inside, inside
        # In a DFS namespace the folder, or one above it, may be a link to a share elsewhere: smbclient follows it.
        for depth in range(len(parts), -1, -1):
            name = "\\".join(["\\\\" + fields.host, fields.share, *parts[:depth]])
            probe = SMBDirectoryIO(name, share_access="rwd", **login)
            try:
                probe.open()
            except (SMBOSError, SMBResponseException) as error:
                if status_of(error) not in NOT_THERE or depth == 0:
                    raise
                continue
            tree, inside = probe.fd.tree_connect, "\\".join([probe.fd.file_name, *parts[depth:]]).strip("\\")
            probe.close()
            break
        root = tree.share_name.strip("\\")
        renames = inside[len(root) :].strip("\\") if tree.is_dfs_share and inside.startswith(root) else inside
        return tree, inside, renames

    def file(self, name: str) -> Any:
        """What opens the name, with backslashes, below the folder."""
        return Open(self._tree, "\\".join(part for part in (self._names, name) if part))

    def target(self, name: str) -> str:
        """The name as a rename wants it: from the root of the share."""
        return "\\".join(part for part in (self._renames, name) if part)

    def above(self, name: str) -> list[str]:
        """The folders that a file of this name lies in, from the top of the share down, for `anywhere`."""
        parts = self.target(name).split("\\")[:-1]
        return ["\\".join(parts[: depth + 1]) for depth in range(len(parts))]

    def anywhere(self, target: str) -> Any:
        """What opens a name that is given from the root of the share."""
        root = self._names[: len(self._names) - len(self._renames)].strip("\\")
        return Open(self._tree, "\\".join(part for part in (root, target) if part))

    def together(self, *actions: Action) -> list[Any]:
        """Send the messages in one packet, about the same file, and unpack the answers; raises the first error.

        Every answer is waited for, also after an error: each of the server's answers has its place.
        """
        return self.sent(*actions)()

    def sent(self, *actions: Action) -> Callable[[], list[Any]]:
        """Send them, and wait for the answers when what is given back is called, as it must be; see `together`."""
        connection = self._tree.session.connection
        sent = connection.send_compound(
            [message for message, _ in actions],
            self._tree.session.session_id,
            self._tree.tree_connect_id,
            related=len(actions) > 1,
        )

        def answers() -> list[Any]:
            found: list[Any] = []
            refused: SMBResponseException | None = None
            for request, (_, unpacked) in zip(sent, actions, strict=True):
                try:
                    found.append(unpacked(request))
                except SMBResponseException as error:
                    refused = refused or error
            if refused is not None:
                raise refused
            return found

        return answers

    def answers(self) -> bool:
        """Whether the server answers on this connection."""
        try:
            self._tree.session.connection.echo(sid=self._tree.session.session_id, timeout=self._within)
        except (SMBException, OSError):
            return False
        return True

    @property
    def largest(self) -> int:
        """How many bytes one message may carry now: what was agreed on, and what the server's credits allow."""
        connection = self._tree.session.connection
        window = connection.sequence_window
        credits = max(1, window["high"] - window["low"] - 4)
        limit = min(connection.max_write_size, connection.max_read_size, credits * 65536)
        return int(limit if connection.supports_multi_credit else min(limit, 65536))

    def close(self) -> None:
        """Close the connection; the server lets go of what is open."""
        self._servers.close()


def _username(fields: SmbFields) -> str | None:
    user = fields.username
    if user is not None and is_reference(user):
        user = resolve(user).get()
    return f"{fields.domain}\\{user}" if user and fields.domain else user


class Connections:
    """The connections of one storage; at most `keep` of them wait for the next call."""

    def __init__(
        self,
        fields: SmbFields,
        keep: int,
        clock: Callable[[], float] = time.monotonic,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        _quiet()
        self._idle_seconds = idle_seconds
        self._closing: threading.Timer | None = None
        self._fields = fields
        self._keep = keep
        self._clock = clock
        self._idle: list[Folder] = []
        self._lock = threading.Lock()
        self._process = os.getpid()

    @contextmanager
    def lent(self, *, sure: bool = False) -> Iterator[Folder]:
        """A connection for this block alone; with `sure`, one that answers. After an error it is closed."""
        folder = self._taken()
        if folder is not None and sure and not folder.answers():
            folder.close()
            self.forget()
            folder = None
        folder = folder or Folder(self._fields)
        sound = False
        try:
            yield folder
            sound = True
        except SMBResponseException as error:
            sound = not is_lost(error)
            raise
        except GeneratorExit:  # nobody wants to read on
            sound = True
            raise
        finally:
            self._back(folder, sound)

    def forget(self) -> None:
        """Close those that wait: one of them has died, and the others probably died with it."""
        with self._lock:
            idle, self._idle = self._idle, []
        for folder in idle:
            folder.close()

    def _taken(self) -> Folder | None:
        with self._lock:
            if os.getpid() != self._process:  # forked: the connections are the parent's
                self._idle, self._closing, self._process = [], None, os.getpid()
            found = self._idle.pop() if self._idle else None
            stale = [] if found is None or self._fresh(found) else [found, *self._idle]
            if stale:
                found, self._idle = None, []
        for folder in stale:
            folder.close()
        return found

    def _fresh(self, folder: Folder) -> bool:
        return self._clock() - folder.idle_since < self._idle_seconds

    def _back(self, folder: Folder, sound: bool) -> None:
        folder.used, folder.idle_since = True, self._clock()
        with self._lock:
            if sound and len(self._idle) < self._keep:
                self._idle.append(folder)
                self._close_later()
                return
        folder.close()

    def _close_later(self) -> None:
        """Close what nobody takes again: a thread reads each connection, so that none goes away by itself."""
        if self._closing is None and self._idle:
            self._closing = threading.Timer(self._idle_seconds, self._close_stale)
            self._closing.daemon = True
            self._closing.start()

    def _close_stale(self) -> None:
        with self._lock:
            stale = [folder for folder in self._idle if not self._fresh(folder)]
            self._idle = [folder for folder in self._idle if folder not in stale]
            self._closing = None
            self._close_later()
        for folder in stale:
            folder.close()


def _quiet() -> None:
    """A lost connection is an error of ours with a message; smbprotocol's thread prints a traceback besides."""
    logger = logging.getLogger("smbprotocol")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
