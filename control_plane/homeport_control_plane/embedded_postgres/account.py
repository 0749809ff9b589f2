"""Which user PostgreSQL runs as: it refuses root, so root gives it an ordinary one, and a folder that one can reach."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from homeport_control_plane.startup_errors import StartupError

# The first that exists; `nobody` exists everywhere but may be shared with other services.
UNPRIVILEGED = ("homeport", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user to run as."""

    name: str
    uid: int
    gid: int

    def can_pass(self, folder: Path) -> bool:
        """Whether this user may go through `folder` and every folder above it."""
        return all(self._may_enter(part) for part in (folder, *folder.parents))

    def _may_enter(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def account_for(cluster: Path, names: Sequence[str] = UNPRIVILEGED) -> Account | None:
    """None where PostgreSQL may run as we do; as root the owner of the existing `cluster`, else the first of `names`.

    Raises StartupError if none of them exists.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    try:
        if cluster.exists() and (owner := cluster.stat().st_uid) != 0:
            entry = pwd.getpwuid(owner)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
    except KeyError:
        raise StartupError(
            f"The database folder {cluster} belongs to user id {cluster.stat().st_uid}, which does not exist.",
            hint=f"Give it to an existing, unprivileged user: chown -R nobody {cluster}",
        ) from None
    for name in names:
        if name in known:
            return Account(name, known[name].pw_uid, known[name].pw_gid)
    raise StartupError(
        "PostgreSQL does not run as root, and there is no unprivileged user to run it as.",
        hint="Create one (useradd --system homeport), start the server as an ordinary user, or give --database-url.",
    )
