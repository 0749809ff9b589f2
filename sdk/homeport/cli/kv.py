"""`homeport kv`: small values that flows keep by key."""

from __future__ import annotations

import json

import click

from homeport.cli import lists, near_names, times
from homeport.cli.failures import NOT_FOUND, CommandError
from homeport.cli.groups import CommandGroup
from homeport.cli.parameters import value_of
from homeport.cli.printing import Column, DataCommand, record, rows
from homeport.cli.session import Session, pass_session, say

FIELDS = ("key", "value", "updatedAt", "updatedBy")


@click.group("kv", cls=CommandGroup)
def kv() -> None:
    """Set, get, list and delete values that flows keep by key."""


@kv.command("set")
@click.argument("key")
@click.argument("value")
@pass_session
def put(session: Session, key: str, value: str) -> None:
    """Keep VALUE under KEY: JSON if it parses as such, else text.

    \b
    homeport kv set last-order 4711
    homeport kv set shops '["north", "south"]'
    """
    from homeport.client import expect

    answer = session.execute("setKeyValue", {"input": {"key": key, "value": value_of(value)}})
    expect(answer["setKeyValue"], "KeyValueSet")
    say(f"Set {key}.", fg="green")


@kv.command(cls=DataCommand, fields=FIELDS)
@click.argument("key")
@pass_session
def get(session: Session, key: str, fields: str | None) -> None:
    """Print the value of KEY: text as it is, anything else as JSON."""
    found = session.execute("keyValue", {"key": key})["keyValue"]
    if found is None:
        near = near_names.hint(session, "key", key)
        raise CommandError(f"There is no key {key!r}.", hint=near or "homeport kv ls", code=NOT_FOUND)
    if fields is not None:
        record(found, [], fields)
        return
    value = found["value"]
    click.echo(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


@kv.command(cls=DataCommand, fields=FIELDS)
@click.option("--prefix", help="Only keys that begin with this.")
@click.option("--limit", "-n", default=200, show_default=True, type=click.IntRange(1, 100_000))
@pass_session
def ls(session: Session, prefix: str | None, limit: int, fields: str | None) -> None:
    """List keys and values."""
    nodes = lists.shown(session, "keyValues", limit, {"prefix": prefix})
    columns = [
        Column("key", lambda node: node["key"]),
        Column("value", lambda node: json.dumps(node["value"], ensure_ascii=False), may_shrink=True),
        Column("set", lambda node: times.ago(node["updatedAt"])),
        Column("by", lambda node: node["updatedBy"], may_go=True),
    ]
    rows(nodes, columns, fields, none="No keys. Set one: homeport kv set KEY VALUE")


@kv.command()
@click.argument("key")
@pass_session
def delete(session: Session, key: str) -> None:
    """Delete KEY and its value."""
    from homeport.client import expect

    expect(session.execute("deleteKeyValue", {"input": {"key": key}})["deleteKeyValue"], "KeyValueDeleted")
    say(f"Deleted {key}.")
