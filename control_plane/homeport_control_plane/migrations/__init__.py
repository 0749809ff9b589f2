"""Forward-only numbered migrations, applied at start; an advisory lock lets any number of servers start at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from homeport_control_plane.database import translated

_FOLDER = Path(__file__).parent
# Any number will do, as long as every server uses the same.
_LOCK = 0x686F6D65


class SchemaMismatch(Exception):  # noqa: N818
    """The database was migrated by something else: a newer server, or an edited migration."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file, and the hash by which an applied one is recognised."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Every migration, in order."""
    files = sorted(_FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return [Migration(int(file.name[:4]), file.stem[5:], file.read_text("utf-8")) for file in files]


async def migrate(url: str, *, known: Sequence[Migration] | None = None) -> list[int]:
    """Brings the database up to date and answers the numbers applied now.

    Each migration is one transaction. Waits while another server migrates. Raises DatabaseUnavailable, SchemaMismatch.
    """
    with translated():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            await connection.execute("select pg_advisory_lock($1)", _LOCK)
            return [m.number for m in await _pending(connection, known or migrations()) if await _apply(connection, m)]
        finally:
            await connection.close()


async def _pending(connection: asyncpg.Connection, known: Sequence[Migration]) -> list[Migration]:
    await connection.execute(
        "create table if not exists schema_migration ("
        " number int primary key, name text not null, digest text not null,"
        " applied_at timestamptz not null default now())"
    )
    applied = {
        row["number"]: row for row in await connection.fetch("select number, name, digest from schema_migration")
    }
    for number, row in applied.items():
        match = next((m for m in known if m.number == number), None)
        if match is None:
            raise SchemaMismatch(
                f"the database has migration {number} ({row['name']}), which this server does not know; "
                "it was used by a newer server: upgrade this one"
            )
        if match.digest != row["digest"]:
            raise SchemaMismatch(
                f"migration {number} ({row['name']}) was applied with another content than this server's"
            )
    return [m for m in known if m.number not in applied]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> bool:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "insert into schema_migration (number, name, digest) values ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.digest,
        )
    return True
