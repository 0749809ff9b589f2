"""Every statement is scoped by tenant, or says here why it is not."""

from pathlib import Path

import pytest

import homeport_control_plane
from homeport_control_plane.database import load_sql

_FOLDER = Path(homeport_control_plane.__file__).parent
_FILES = sorted(
    str(path.relative_to(_FOLDER).with_suffix(""))
    for path in _FOLDER.rglob("*.sql")
    if path.name != "schema.sql" and path.parent.name != "migrations" and "-- name:" in path.read_text()
)
_UNSCOPED = {
    # The token says who asks; the answer is the tenant.
    "authentication.api_key",
    "authentication.run_token",
    "tenants.bootstrap",
    "tenants.get",
    "tenants.first",
    # Loops and wake-ups work for all tenants, and tell nobody what they saw.
    "loops/outages.note",
    "loops/rescuer.rescue",
    "loops/late_marker.mark",
    "loops/partitions.ahead",
    "loops/scheduler.due",
    "pauses.expired",
    "loops/scheduler.made",
    "wakeups.due",
    "wakeups.notify",
    # Works on the attempt that `events.open` found for the tenant and locked, in the same transaction.
    "events.fold_tasks",
    # Waits for whoever makes a version of the same key; reads nothing.
    "artifacts.lock_key",
    # Parts of statements; what they are put together with is scoped.
    "flow_runs.select",
    "agents.chosen",
    "agents.listed",
}
_QUERIES = [(file, query) for file in _FILES for query in load_sql(file)]


@pytest.mark.parametrize(("file", "query"), _QUERIES)
def test_a_statement_is_scoped_by_the_tenant_of_who_asks(file: str, query: str) -> None:
    text = load_sql(file)[query]

    scoped = "tenant_id = $1" in text or "tenant_id = $2" in text or _inserts_with_tenant(text)

    assert scoped != (f"{file}.{query}" in _UNSCOPED)


def _inserts_with_tenant(text: str) -> bool:
    code = [line for line in text.splitlines() if not line.startswith("--")]
    return code[0].startswith("insert into") and "tenant_id" in text


def test_whatever_writes_on_behalf_of_an_attempt_locks_the_attempt_first() -> None:
    writers = {
        f"{file}.{query}"
        for file, query in _QUERIES
        if "update flow_run" in load_sql(file)[query] and "attempt a" in load_sql(file)[query]
    }

    assert writers >= {"attempts.start", "attempts.finish", "attempts.release", "loops/rescuer.rescue"}
    for name in writers - {"flow_runs.cancel", "claims.claim"}:
        file, query = name.rsplit(".", 1)
        assert "for update" in load_sql(file)[query], name
