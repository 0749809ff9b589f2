"""A new admin key for whoever lost the first one, by way of the database: who reaches that may do anything already."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from homeport_control_plane import tenants
from homeport_control_plane.database import Database
from homeport_control_plane.embedded_postgres import EmbeddedPostgres
from homeport_control_plane.embedded_postgres.data_folder import has_database
from homeport_control_plane.embedded_postgres.supervisor import running_address
from homeport_control_plane.server import logs
from homeport_control_plane.server.database_start import explained, without_password
from homeport_control_plane.startup_errors import StartupError


def print_admin_key(data_dir: Path, database_url: str | None, *, as_json: bool) -> int:
    """Prints the key, or why there is none; the exit code: 0, or 2."""
    logs.configure("text")
    try:
        with _database(data_dir, database_url) as url:
            key = asyncio.run(_make(url))
    except StartupError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        if as_json:
            print(json.dumps({"error": error.message, "hint": error.hint}))
        return 2
    print(json.dumps({"admin_key": key}) if as_json else key)
    return 0


@contextlib.contextmanager
def _database(data_dir: Path, database_url: str | None) -> Iterator[str]:
    """The address given, or that of the folder's own PostgreSQL, which is started for the moment if it is stopped."""
    if database_url:
        yield database_url
        return
    if not has_database(data_dir):
        raise StartupError(
            f"There is no database in {data_dir}.",
            hint="Give the --data-dir of the server, or HOMEPORT_DATABASE_URL if it uses a PostgreSQL of yours.",
        )
    if url := running_address(data_dir):
        yield url
        return
    postgres = EmbeddedPostgres(data_dir)
    try:
        yield postgres.start()
    finally:
        postgres.stop()


async def _make(url: str) -> str:
    with explained(url):
        db = await Database.open(url, min_size=1, max_size=1)
        try:
            key = await tenants.recovery_key(db)
        finally:
            await db.close()
    if key is None:
        raise StartupError(
            f"The database at {without_password(url)} is empty: no server has used it.",
            hint="Start one on it; its first start prints an admin key.",
        )
    return key
