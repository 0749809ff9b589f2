"""`homeport block type`: what blocks can be made of here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from homeport.cli.groups import CommandGroup
from homeport.cli.printing import Column, DataCommand, record, rows
from homeport.cli.session import say

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from homeport.blocks.types import BlockType

FIELDS = ("slug", "title", "version", "storage", "fields", "secrets", "schema", "missing")


@click.group("type", cls=CommandGroup)
def block_type() -> None:
    """List and show the types of blocks."""


@block_type.command(cls=DataCommand, fields=FIELDS)
def ls(fields: str | None) -> None:
    """List the types that this machine knows."""
    from homeport.blocks.types import block_types

    found, missing = block_types()
    nodes = [_node(of_type) for of_type in found]
    absent = [{"slug": slug, "title": slug, "missing": why} for slug, why in missing.items()]
    columns = [
        Column("type", lambda node: node["slug"]),
        Column("title", lambda node: node["title"]),
        Column("fields", lambda node: ", ".join(f["name"] for f in node["fields"]), may_shrink=True),
        Column("secrets", lambda node: ", ".join(node["secrets"]), may_shrink=True),
    ]
    rows([*nodes, *absent] if fields is not None else nodes, columns, fields)
    if fields is None:
        for slug, why in missing.items():
            say(f"{slug} is not to be had here: {why}", dim=True)


def complete_types(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The types whose names begin with what was typed, for the shell."""
    from click.shell_completion import CompletionItem

    from homeport.blocks.types import slugs

    return [CompletionItem(slug) for slug in slugs() if slug.startswith(typed)]


@block_type.command(cls=DataCommand, fields=FIELDS)
@click.argument("type_", metavar="TYPE", shell_complete=complete_types)
def inspect(type_: str, fields: str | None) -> None:
    """Show the fields of TYPE, which of them are secrets, and how a block of it is made."""
    from homeport.blocks.types import block_type as find

    of_type = find(type_)
    node = _node(of_type)
    if fields is not None:
        record(node, [], fields)
        return
    record(node, [("Type", of_type.slug), ("Title", of_type.title), ("About", of_type.about)], None)
    click.echo()
    columns = [
        Column("field", lambda field: field["name"]),
        Column("type", lambda field: "secret" if field["secret"] else field["type"]),
        Column("needed", lambda field: "yes" if field["required"] else ""),
        Column("default", lambda field: field["default"]),
        Column("about", lambda field: field["about"], may_wrap=True),
    ]
    rows(node["fields"], columns, None)
    say(f"\n{example(of_type)}")


def example(of_type: BlockType) -> str:
    """The command that makes a block of the type, with what it needs."""
    parts = [f"homeport block create {of_type.slug}/NAME"]
    for field in of_type.described_fields():
        if field["secret"] and (field["required"] or field["name"] in _USUAL):
            parts.append(f"--secret {field['name']}=keyring:NAME")
        elif field["required"]:
            parts.append(f"--field {field['name']}=...")
    return " ".join(parts)


_USUAL = frozenset({"password", "token"})  # what hardly anybody does without


def _node(of_type: BlockType) -> dict[str, Any]:
    return {
        "slug": of_type.slug,
        "title": of_type.title,
        "version": of_type.version,
        "storage": of_type.is_storage,
        "fields": of_type.described_fields(),
        "secrets": sorted(of_type.secret_fields),
        "schema": of_type.schema,
        "missing": None,
    }
