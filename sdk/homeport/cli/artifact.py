"""`homeport artifact`: what runs show to people."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import click

from homeport.cli import lists, times
from homeport.cli.failures import NOT_FOUND, CommandError
from homeport.cli.groups import CommandGroup
from homeport.cli.printing import Column, DataCommand, Node, record, rows
from homeport.cli.session import Session, pass_session

FIELDS = (
    "id", "key", "version", "kind", "description", "data", "flowRunId", "taskRunId", "createdAt", "updatedAt",
)  # fmt: skip
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)


@click.group(cls=CommandGroup)
def artifact() -> None:
    """List, show and download artifacts of runs."""


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
    nodes = lists.shown(session, "artifacts", limit, {"flowRunId": of_run, "key": key, "latest": latest})
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
    found = _found(session, ref)
    lines = [
        ("ID", found["id"]),
        ("Key", found["key"]),
        ("Version", found["version"]),
        ("Kind", found["kind"].lower()),
        ("Description", found["description"]),
        ("Flow run", found["flowRunId"]),
        ("Task run", found["taskRunId"]),
        ("Created", times.local(found["createdAt"])),
        ("Data", found["data"] if len(found["data"]) > 1 and "stored" not in found["data"] else _shown(found)),
        ("Stored", _where(found)),
    ]
    record(found, lines, fields)


@artifact.command()
@click.argument("ref", metavar="ID|KEY")
@click.option("--output", "-o", metavar="FILE", help="Where to; - for standard output.  [default: KEY or ID]")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@pass_session
def download(session: Session, ref: str, output: str | None, force: bool) -> None:
    """Write what an artifact shows to a file, by id, or the last version of KEY.

    An image, and a text or table that is not small, is read from your storage, which must be reached from here, and
    its digest is checked.
    """
    found = _found(session, ref)
    content, ending = _content(found)
    if output == "-":
        sys.stdout.buffer.write(content)
        return
    path = Path(output or f"{found['key'] or found['id']}{ending}")
    if path.exists() and not force:
        raise CommandError(f"{path} is there already.", hint="--force replaces it, -o FILE names another one")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    click.echo(f"{path}: {len(content):,} bytes")


def _found(session: Session, ref: str) -> Node:
    if _ID.match(ref):
        found: Node | None = session.execute("artifact", {"id": ref})["artifact"]
    else:
        found = next(iter(lists.fetch(session, "artifacts", 1, {"key": ref})), None)
    if found is None:
        raise CommandError(f"There is no artifact {ref!r}.", hint="homeport artifact ls", code=NOT_FOUND)
    return found


def _content(found: Node) -> tuple[bytes, str]:
    """What the artifact shows, and the ending of a file of it."""
    data = found["data"]
    if "stored" in data:
        from homeport.code.errors import StorageError
        from homeport.results.errors import ResultError
        from homeport.stored_artifacts import ENDINGS, read

        try:
            return read(data), ENDINGS.get(data.get("mediaType", ""), "")
        except (StorageError, ResultError) as error:
            raise CommandError(f"The artifact cannot be read: {error}", hint="run this where the storage is") from error
    if found["kind"] == "MARKDOWN":
        return data["markdown"].encode(), ".md"
    if found["kind"] == "TABLE":
        return json.dumps(data["table"], ensure_ascii=False, indent=2).encode() + b"\n", ".json"
    raise CommandError(f"This artifact is a link, and there is nothing to download: {_shown(found)}")


def _where(node: Node) -> str | None:
    stored = node["data"].get("stored")
    return None if stored is None else f"{stored['key']} in {_storage(stored.get('storage') or stored)}"


def _storage(described: Node) -> str:
    more = {name: value for name, value in described.items() if name in ("path", "bucket", "container", "share")}
    return " ".join([str(described["kind"]), *map(str, more.values())])


def _shown(node: Node) -> str:
    stored = node["data"].get("stored")
    if stored is not None:
        return f"{node['data'].get('mediaType', 'bytes')}, {stored['size']:,} bytes: homeport artifact download"
    value = next(iter(node["data"].values()))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
