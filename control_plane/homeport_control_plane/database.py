"""The pool of connections, transactions, and the `-- name:` SQL files; every way a database can be away is one error.

Domain functions take `Queries`: the pool itself (each statement its own transaction) or a `Session` (one
transaction). What a statement changed is announced to whoever waits for it by `announce`, in a session only once it
has committed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from homeport_control_plane.errors import DatabaseUnavailable

Row = Mapping[str, Any]
_FOLDER = Path(__file__).parent
_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)

# InternalClientError is what asyncpg raises when the server is killed in the middle of an answer.
_AWAY: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,
    # Two transactions in each other's way, one of them sent back; or a replica that is not the primary any more.
    asyncpg.DeadlockDetectedError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.QueryCanceledError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
)


class Queries(Protocol):
    """What a domain function needs of a database."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows."""

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row, or None."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row, or None."""

    async def execute(self, query: str, *args: Any) -> str:
        """The command tag."""

    def announce(self, *topics: str) -> None:
        """Wakes whoever waits for these topics, once what was done is committed."""


@contextmanager
def translated() -> Iterator[None]:
    """Raises DatabaseUnavailable for whatever says that the database is away."""
    try:
        yield
    except _AWAY as error:
        raise DatabaseUnavailable(f"the database did not answer: {error}" if str(error) else "no answer") from error


@cache
def load_sql(name: str) -> Mapping[str, str]:
    """The named queries of `<name>.sql` beside this module."""
    parts = _NAME.split((_FOLDER / f"{name}.sql").read_text("utf-8"))
    return {query: f"-- {query}\n{text.strip()}" for query, text in zip(parts[1::2], parts[2::2], strict=True)}


_SETTINGS = {
    "application_name": "homeport",
    "timezone": "UTC",
    # Statements here are short; compiling them takes longer than running them.
    "jit": "off",
    # Every look-up has its index. A table that grew since it was last analysed must not be read from end to end.
    "enable_seqscan": "off",
    "random_page_cost": "1.1",
}


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    def get_reset_query(self) -> str:
        # The pool's own reset is a round trip after every statement, to undo session settings that nobody here makes.
        return ""


class Session:
    """One transaction; its announcements go out when it commits."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.topics: list[str] = []

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows."""
        with translated():
            rows: list[Any] = await self.connection.fetch(query, *args)
            return rows

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row, or None."""
        with translated():
            return await self.connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        with translated():
            return await self.connection.fetchval(query, *args)

    async def execute(self, query: str, *args: Any) -> str:
        """The command tag."""
        with translated():
            return str(await self.connection.execute(query, *args))

    def announce(self, *topics: str) -> None:
        """Wakes whoever waits for these topics, once the transaction has committed."""
        self.topics.extend(topics)


class Database:
    """The pool. `on_announce` is set by the process to its wake-ups; without it announcements go nowhere.

    `memory` is a place for what may be remembered about the database's content in this process; whoever keeps something
    there checks in SQL that it still holds.
    """

    def __init__(self, pool: Any, url: str) -> None:
        self.pool = pool
        self.url = url
        self.on_announce: Callable[[Iterable[str]], None] | None = None
        self.memory: dict[Any, Any] = {}

    @classmethod
    async def open(cls, url: str, *, min_size: int = 1, max_size: int = 10, timeout: float = 10.0) -> Database:
        """A pool on this database. Raises DatabaseUnavailable if nothing answers there within `timeout` seconds."""
        with translated():
            pool = await asyncpg.create_pool(
                url,
                min_size=min_size,
                max_size=max_size,
                timeout=timeout,
                command_timeout=60,
                connection_class=_Connection,
                server_settings=_SETTINGS,
            )
        return cls(pool, url)

    async def close(self, *, timeout: float = 2.0) -> None:
        """Closes the pool; connections still in use after `timeout` seconds are cut."""
        try:
            await asyncio.wait_for(self.pool.close(), timeout)
        except _AWAY:
            self.pool.terminate()

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows."""
        with translated():
            rows: list[Any] = await self.pool.fetch(query, *args)
            return rows

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row, or None."""
        with translated():
            return await self.pool.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        with translated():
            return await self.pool.fetchval(query, *args)

    async def execute(self, query: str, *args: Any) -> str:
        """The command tag."""
        with translated():
            return str(await self.pool.execute(query, *args))

    def announce(self, *topics: str) -> None:
        """Wakes whoever waits for these topics."""
        if self.on_announce is not None:
            self.on_announce(topics)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A session in one transaction; what it announces goes out after the commit."""
        with translated():
            connection = await self.pool.acquire()
        session = Session(connection)
        try:
            with translated():
                transaction = connection.transaction()
                await transaction.start()
            try:
                yield session
            except BaseException:
                # What went wrong first is what the caller hears of; a dead connection has rolled back already.
                with suppress(*_AWAY):
                    await transaction.rollback()
                raise
            with translated():
                await transaction.commit()
        finally:
            with suppress(*_AWAY):
                await self.pool.release(connection)
        self.announce(*session.topics)
