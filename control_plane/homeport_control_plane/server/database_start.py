"""The database at the start: reached, of a version we know, and migrated; else why not, and what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg

from homeport_control_plane.database import translated
from homeport_control_plane.errors import DatabaseUnavailable
from homeport_control_plane.migrations import SchemaMismatch, migrate
from homeport_control_plane.startup_errors import StartupError

OLDEST = 15


async def prepare(url: str) -> None:
    """Checks the database and brings its schema up to date. Raises StartupError."""
    with explained(url):
        await _check_version(url, without_password(url))
        await migrate(url)


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Raises StartupError for every way in which the database at `url` cannot be used."""
    shown = without_password(url)
    try:
        yield
    except DatabaseUnavailable as error:
        if isinstance(error.__cause__, asyncpg.ClientConfigurationError):
            raise _not_understood(error.__cause__) from None
        raise StartupError(
            f"The database at {shown} cannot be reached: {error.__cause__ or error}.",
            hint="Is it running, and the address right? HOMEPORT_DATABASE_URL or --database-url gives it.",
        ) from None
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        raise StartupError(
            f"The database at {shown} refuses the login.",
            hint="Check user and password in HOMEPORT_DATABASE_URL or --database-url.",
        ) from None
    except asyncpg.InvalidCatalogNameError:
        raise StartupError(
            f"There is no such database at {shown}.", hint="Create it first: createdb -h HOST -U USER NAME"
        ) from None
    except asyncpg.UndefinedTableError:
        raise StartupError(
            f"The database at {shown} is not one of a control plane, or no server has used it yet.",
            hint="Check the address; a server's first start makes the tables, and prints an admin key.",
        ) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise StartupError(
            f"The database user may not make our tables at {shown}: {error}.",
            hint="Make it the owner of the database: alter database NAME owner to USER",
        ) from None
    except SchemaMismatch as error:
        raise StartupError(
            f"The database at {shown} does not fit: {error}.", hint="Run the server that made it."
        ) from None
    except ValueError as error:
        raise _not_understood(error) from None


def without_password(url: str) -> str:
    """The address fit to be shown."""
    try:
        parts = urlsplit(url)
        where = f"{parts.hostname or '?'}:{parts.port or 5432}{parts.path}"
    except ValueError:
        return "(unreadable)"
    return f"{parts.username}@{where}" if parts.username else where


def _not_understood(error: Exception) -> StartupError:
    # The address itself is not shown: where its parts are not understood, nobody knows which of them is the password.
    return StartupError(
        f"The database address is not understood: {type(error).__name__}.",
        hint="It looks like postgresql://USER:PASSWORD@HOST:5432/NAME.",
    )


async def _check_version(url: str, shown: str) -> None:
    with translated():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            version = connection.get_server_version().major
        finally:
            await connection.close()
    if version < OLDEST:
        raise StartupError(
            f"The database at {shown} is PostgreSQL {version}; {OLDEST} or newer is needed.", hint="Upgrade it first."
        )
