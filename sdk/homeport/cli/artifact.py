"""`homeport artifact`: what runs show to people."""

from __future__ import annotations

import json
import re

import click

from homeport.cli import lists, times
from homeport.cli.failures import NOT_FOUND, CommandError
from homeport.cli.printing import Column, DataCommand, Node, record, rows
from homeport.cli.session import Session, pass_session

FIELDS = (
    "id", "key", "version", "kind", "description", "data", "flowRunId", "taskRunId", "createdAt", "updatedAt",
)  # fmt: skip
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)


@click.group()
def artifact() -> None:
    """List and show artifacts of runs."""


@artifact.command(cls=DataCommand, fields=FIELDS)
@click.option("--run", "-r", metavar="RUN", help="Only of this run.")
@click.option("--key", "-k", help="Only of this key: its versions.")
@click.option("--all", "-a", "every", is_flag=True, help="Every version of each key, not only the last.")
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 100_000))
@pass_session
def ls(session: Session, run: str | None, key: str | None, every: bool, limit: int, fields: str | None) -> None:
    """List artifacts, the newest first."""
    latest = not (every or run or key) or None
    of_run = lists.run_id(session, run) if run else None
    nodes = list(lists.fetch(session, "artifacts", limit, {"flowRunId": of_run, "key": key, "latest": latest}))
    columns = [
        Column("key", lambda node: node["key"]),
        Column("version", lambda node: node["version"]),
        Column("kind", lambda node: node["kind"].lower()),
        Column("shows", _shown, may_shrink=True),
        Column("created", lambda node: times.ago(node["createdAt"])),
        Column("id", lambda node: node["id"]),
    ]
    rows(nodes, columns, fields, none="No artifacts. Flows make them: homeport.artifacts.create_markdown_artifact(...)")


@artifact.command(cls=DataCommand, fields=FIELDS)
@click.argument("ref", metavar="ID|KEY")
@pass_session
def inspect(session: Session, ref: str, fields: str | None) -> None:
    """Show an artifact, by id, or the last version of KEY."""
    if _ID.match(ref):
        found = session.execute("artifact", {"id": ref})["artifact"]
    else:
        found = next(iter(lists.fetch(session, "artifacts", 1, {"key": ref})), None)
    if found is None:
        raise CommandError(f"There is no artifact {ref!r}.", hint="homeport artifact ls", code=NOT_FOUND)
    lines = [
        ("ID", found["id"]),
        ("Key", found["key"]),
        ("Version", found["version"]),
        ("Kind", found["kind"].lower()),
        ("Description", found["description"]),
        ("Flow run", found["flowRunId"]),
        ("Task run", found["taskRunId"]),
        ("Created", times.local(found["createdAt"])),
        ("Data", found["data"] if len(found["data"]) > 1 else _shown(found)),
    ]
    record(found, lines, fields)


def _shown(node: Node) -> str:
    value = next(iter(node["data"].values()))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
