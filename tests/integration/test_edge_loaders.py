"""A list costs a fixed number of statements, however long it is; errors of ours are said by number only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from homeport_control_plane.api.context import Context, Services
from homeport_control_plane.api.documents import Documents
from homeport_control_plane.api.execution import Answer, Executor
from homeport_control_plane.api.schema import build
from homeport_control_plane.authentication import Principal
from homeport_control_plane.database import Database
from homeport_control_plane.timings import DEFAULT_TIMINGS
from homeport_control_plane.wakeups import Wakeups
from tests.integration.db_world import World

SCHEMA = build()._schema
EVERYTHING = """{ flowRuns(first: 20) { nodes {
    id state { type } flow { name project { name } latestVersion { number } } flowVersion { number }
    deployment { name flow { name } } project { name flowCount } agent { name }
    states { type } attempts { number agent { name } } taskRunCounts
} } }"""


class Counting:
    """A database that counts the statements it is asked for."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        if name in ("fetch", "fetchrow", "fetchval", "execute"):
            self.statements += 1
        return getattr(self._db, name)


class Broken:
    """A database that fails as a fault of ours would."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError("the inside: password=secret")


async def ask(db: Any, world: World, text: str, seconds: float = 10.0) -> Answer:
    now = datetime.now(UTC)
    principal = Principal("admin", world.tenant_id, "default", now, world.key_id, "k", (), None, None, None)
    context = Context(principal, Services(db, Wakeups("unused"), DEFAULT_TIMINGS))
    documents = Documents(SCHEMA)
    operation = await documents.operation(text, None)
    documents.close()
    return await Executor(SCHEMA, seconds=seconds).answer(operation, {}, context)


async def test_a_list_of_many_runs_costs_no_more_statements_than_a_list_of_one(db: Database, world: World) -> None:
    costs = []
    for more in (1, 14):
        await world.runs(more)
        agent = await world.agent()
        await world.claim(agent, limit=more)
        counting = Counting(db)

        answer = await ask(counting, world, EVERYTHING)

        assert "errors" not in answer, answer
        costs.append((len(answer["data"]["flowRuns"]["nodes"]), counting.statements))

    assert [runs for runs, _ in costs] == [1, 15]
    assert costs[0][1] == costs[1][1] <= 12


async def test_a_fault_of_ours_is_said_by_a_number_that_the_log_has_too(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(Broken(), world, "{ projects { nodes { id } } }")

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(answer)
    assert error["message"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_an_operation_that_takes_too_long_is_given_up(db: Database, world: World) -> None:
    class Slow(Counting):
        async def fetch(self, *_: Any) -> Any:
            return await db.fetch("select pg_sleep(5)")

    answer = await ask(Slow(db), world, "{ projects { nodes { id } } }", seconds=0.05)

    assert answer["errors"][0]["extensions"]["code"] == "TIMEOUT"
