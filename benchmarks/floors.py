"""The floors: what PostgreSQL and asyncpg do with nothing of ours around them, on the very database under test."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
from tests.services.control_plane import ControlPlane

TABLES = """
create schema if not exists floor;
create table if not exists floor.run (id uuid primary key, name text, state text, due timestamptz);
create index if not exists run_due on floor.run (due, id) where state = 'due';
create table if not exists floor.task (id uuid primary key, state text, at timestamptz);
create table if not exists floor.history (task uuid, seq bigint, state text, at timestamptz);
create table if not exists floor.line (run uuid, seq bigint, at timestamptz, level smallint, logger text, message text);
"""


async def connected(server: ControlPlane, count: int) -> list[asyncpg.Connection]:
    """`count` connections to the server's database, with the floor's own tables made."""
    connections = [await asyncpg.connect(server.dsn()) for _ in range(count)]
    await connections[0].execute(TABLES)
    return connections


async def insert_rate(server: ControlPlane, count: int, seconds: float) -> float:
    """Committed one-row inserts a second over `count` connections."""
    connections = await connected(server, count)
    until, done, began = time.perf_counter() + seconds, 0, time.perf_counter()

    async def one(connection: asyncpg.Connection) -> None:
        nonlocal done
        statement = await connection.prepare("insert into floor.run values ($1, $2, 'x', now())")
        while time.perf_counter() < until:
            await statement.fetch(uuid4(), "name")
            done += 1

    await asyncio.gather(*map(one, connections))
    speed = done / (time.perf_counter() - began)
    await asyncio.gather(*(connection.close() for connection in connections))
    return speed


async def claim_rate(
    server: ControlPlane, *, connections: int, per_claim: int, backlog: int = 20_000, seconds: float = 4.0
) -> float:
    """Rows a second taken by `update ... for update skip locked`."""
    open_ = await connected(server, connections)
    await open_[0].execute(
        "insert into floor.run select gen_random_uuid(), 'n', 'due', now() from generate_series(1, $1::int)".replace(
            "$1", str(backlog)
        )
    )
    taken = 0

    async def one(connection: asyncpg.Connection) -> None:
        nonlocal taken
        statement = await connection.prepare(
            "with due as (select id from floor.run where state = 'due' order by due, id"
            " limit $1 for update skip locked)"
            " update floor.run set state = 'taken' from due where run.id = due.id returning run.id"
        )
        while time.perf_counter() < began + seconds and (rows := await statement.fetch(per_claim)):
            taken += len(rows)

    began = time.perf_counter()
    await asyncio.gather(*map(one, open_))
    speed = taken / (time.perf_counter() - began)
    await open_[0].execute("delete from floor.run where state = 'due'")
    await asyncio.gather(*(connection.close() for connection in open_))
    return speed


async def unnest_rate(
    server: ControlPlane, *, connections: int, rows: int, history: bool, seconds: float = 3.0
) -> float:
    """Rows a second by `unnest`: with `history` an upsert and a history row an event, without it plain log lines."""
    open_ = await connected(server, connections)
    ids, at = [uuid4() for _ in range(rows)], [datetime.now(UTC)] * rows
    seqs, texts, levels = (
        list(range(rows)),
        ["processed chunk of the input file, everything as it should be, number 1"] * rows,
        [20] * rows,
    )
    until, done, began = time.perf_counter() + seconds, 0, time.perf_counter()

    async def one(connection: asyncpg.Connection) -> None:
        nonlocal done
        while time.perf_counter() < until:
            if history:
                async with connection.transaction():
                    await connection.execute(
                        "insert into floor.task select gen_random_uuid(), 'x', a from unnest($1::timestamptz[]) a",
                        at[: rows // 3],
                    )
                    await connection.execute(
                        "insert into floor.history"
                        " select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[])",
                        ids, seqs, ["RUNNING"] * rows, at,
                    )  # fmt: skip
            else:
                await connection.execute(
                    "insert into floor.line select gen_random_uuid(), *"
                    " from unnest($1::bigint[], $2::timestamptz[], $3::smallint[], $4::text[], $5::text[])",
                    seqs, at, levels, texts, texts,
                )  # fmt: skip
            done += rows

    await asyncio.gather(*map(one, open_))
    speed = done / (time.perf_counter() - began)
    await open_[0].execute("truncate floor.task, floor.history, floor.line")
    await asyncio.gather(*(connection.close() for connection in open_))
    return speed
