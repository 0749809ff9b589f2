"""Migrations: their sum is the committed schema, any number of servers may apply them, and strangers are recognised."""

import asyncio
import dataclasses
from pathlib import Path

import asyncpg
import pytest

import homeport_control_plane
from homeport_control_plane.database import Database
from homeport_control_plane.errors import DatabaseUnavailable
from homeport_control_plane.migrations import SchemaMismatch, migrate, migrations

_CATALOG = """
select 'column' as kind, c.relname || '.' || a.attname as name,
       format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' '
           || coalesce(pg_get_expr(d.adbin, d.adrelid), '') as definition
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'schema_migration'
union all
select 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
from pg_constraint where connamespace = 'public'::regnamespace and conrelid <> 0
    and conrelid is distinct from to_regclass('schema_migration')::oid
union all
select 'index', tablename || '.' || indexname, indexdef from pg_indexes
where schemaname = 'public' and tablename <> 'schema_migration'
union all
select 'function', proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace
union all
select 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
union all
select 'option', relname, reloptions::text from pg_class
where relnamespace = 'public'::regnamespace and reloptions is not null
union all
select 'pair', from_type || ' ' || to_type, flow_runs || ' ' || task_runs || ' ' || by_retry from state_transition
order by 1, 2, 3
"""


async def _catalog(url: str) -> list[tuple[str, str, str]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(_CATALOG)]
    finally:
        await connection.close()


async def test_the_committed_schema_is_the_sum_of_the_migrations(database_url: str, empty_database_url: str) -> None:
    schema = Path(homeport_control_plane.__file__).with_name("schema.sql").read_text()
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(schema)
    await connection.close()

    assert await _catalog(empty_database_url) == await _catalog(database_url)


async def test_four_servers_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    answers = await asyncio.gather(*(migrate(empty_database_url) for _ in range(4)))

    assert sorted(answers) == [[], [], [], [m.number for m in migrations()]]


async def test_a_database_of_a_newer_server_is_refused_by_name(database_url: str) -> None:
    db = await Database.open(database_url)
    await db.execute("insert into schema_migration (number, name, digest) values (9999, 'from_the_future', 'x')")
    await db.close()

    with pytest.raises(SchemaMismatch, match="from_the_future"):
        await migrate(database_url)


async def test_an_edited_migration_is_refused(database_url: str) -> None:
    edited = [dataclasses.replace(migrations()[0], sql="select 1"), *migrations()[1:]]

    with pytest.raises(SchemaMismatch, match="another content"):
        await migrate(database_url, known=edited)


async def test_a_database_that_is_away_is_one_kind_of_error() -> None:
    with pytest.raises(DatabaseUnavailable):
        await migrate("postgresql://postgres@127.0.0.1:9/none")
    with pytest.raises(DatabaseUnavailable):
        await Database.open("postgresql://postgres@127.0.0.1:9/none")


async def test_a_pool_whose_connections_were_cut_says_so_and_works_again(db: Database, database_url: str) -> None:
    await db.fetchval("select 1")
    other = await asyncpg.connect(database_url)
    await other.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    await other.close()

    answers = []
    for _ in range(20):
        try:
            answers.append(await db.fetchval("select 1"))
        except DatabaseUnavailable:
            answers.append(None)

    assert answers[-1] == 1
