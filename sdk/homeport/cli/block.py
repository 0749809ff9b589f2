"""`homeport block`: named configuration of storage and infrastructure, with secrets by reference."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from homeport.cli import lists, times
from homeport.cli.block_type import block_type, complete_types
from homeport.cli.failures import FAILED, NOT_FOUND, CommandError
from homeport.cli.groups import CommandGroup
from homeport.cli.known_names import complete_blocks
from homeport.cli.printing import Column, DataCommand, chosen, record, rows
from homeport.cli.session import Session, pass_session, say

if TYPE_CHECKING:
    from homeport.blocks.kept import KeptBlock

FIELDS = (
    "id", "type", "name", "fields", "secrets", "revision", "deployments", "createdAt", "createdBy", "updatedAt",
    "updatedBy",
)  # fmt: skip
CHECKED = ("block", "ok", "steps", "mend")
_field = click.option("--field", "-f", "fields_", multiple=True, metavar="NAME=VALUE", help="A field; repeatable.")
_secret = click.option(
    "--secret", "-s", "secrets", multiple=True, metavar="NAME=REFERENCE",
    help="A secret by reference: env:NAME, keyring:NAME, file:/path, aws:NAME, azure:VAULT/NAME; repeatable.",
)  # fmt: skip
_block = click.argument("block", metavar="TYPE/NAME", shell_complete=complete_blocks)


@click.group("block", cls=CommandGroup)
def block() -> None:
    """Create, list, check, change and delete blocks: named configuration, without secrets."""


block.add_command(block_type)


@block.command(cls=DataCommand, fields=FIELDS)
@_block
@_field
@_secret
@click.option(
    "--from-file", type=click.Path(path_type=Path, allow_dash=True), help="A YAML or JSON file of fields; options win."
)
@click.option("--overwrite", is_flag=True, help="Replace the block of that name.")
@pass_session
def create(
    session: Session,
    block: str,
    fields_: tuple[str, ...],
    secrets: tuple[str, ...],
    from_file: Path | None,
    overwrite: bool,
    fields: str | None,
) -> None:
    """Make the block TYPE/NAME.

    \b
    homeport block create smb/test --field host=files.example.com --field share=flows \\
        --field username=flows --secret password=keyring:smb-test
    """
    from homeport.blocks import create_block, given, types
    from homeport.blocks.kept import split

    kind, name = split(block)
    of_type = types.block_type(kind)
    said = given.of_file(of_type, name, _stdin_or(from_file)) if from_file is not None else {}
    said |= given.of_pairs(of_type, name, fields_, secrets)
    made = create_block(block, said, overwrite=overwrite, ask=session.execute)
    if fields is not None:
        record(_node(made), [], fields)
        return
    say(f"Created block {made.slug}.", fg="green")
    if of_type.is_storage:
        say(f"Next: homeport block check {made.slug}    then: homeport register --storage-block {made.slug} ...")


@block.command(cls=DataCommand, fields=FIELDS)
@click.option("--type", "-t", "type_", metavar="TYPE", help="Only of this type.", shell_complete=complete_types)
@click.option("--limit", "-n", default=200, show_default=True, type=click.IntRange(1, 100_000))
@pass_session
def ls(session: Session, type_: str | None, limit: int, fields: str | None) -> None:
    """List blocks."""
    from homeport.blocks.types import canonical

    found = lists.shown(session, "blocks", limit, {"type": canonical(type_) if type_ is not None else None})
    nodes = [_flat(node) for node in found]
    columns = [
        Column("block", lambda node: f"{node['type']}/{node['name']}"),
        Column("fields", lambda node: _shown(node["fields"]), may_shrink=True),
        Column("secrets", lambda node: _shown(node["secrets"]), may_shrink=True),
        Column("used by", lambda node: len(node["deployments"])),
        Column("changed", lambda node: times.ago(node["updatedAt"])),
        Column("by", lambda node: node["updatedBy"], may_go=True),
    ]
    rows(nodes, columns, fields, none="No blocks. Make one: homeport block create TYPE/NAME --field NAME=VALUE")


@block.command(cls=DataCommand, fields=FIELDS)
@_block
@pass_session
def inspect(session: Session, block: str, fields: str | None) -> None:
    """Show the block TYPE/NAME: fields, where its secrets are kept, and which deployments need it."""
    node = _flat(_found(session, block))
    lines = [
        ("Block", f"{node['type']}/{node['name']}"),
        *((name, value) for name, value in node["fields"].items()),
        *((name, f"{reference} (kept where the block is opened)") for name, reference in node["secrets"].items()),
        ("Used by", "\n         ".join(node["deployments"]) or "no deployment"),
        ("Revision", node["revision"]),
        ("Created", f"{times.ago(node['createdAt'])} by {node['createdBy']}"),
        ("Changed", f"{times.ago(node['updatedAt'])} by {node['updatedBy']}"),
        ("ID", node["id"]),
    ]
    record(node, lines, fields)


@block.command(cls=DataCommand, fields=FIELDS)
@_block
@_field
@_secret
@click.option("--unset", multiple=True, metavar="NAME", help="A field or secret to take away; repeatable.")
@pass_session
def update(
    session: Session,
    block: str,
    fields_: tuple[str, ...],
    secrets: tuple[str, ...],
    unset: tuple[str, ...],
    fields: str | None,
) -> None:
    """Change fields of the block TYPE/NAME, or where a secret is kept; what is not named stays.

    It holds at the next start of each run whose code lies there: nothing is registered again.
    """
    from homeport.blocks import given, types, update_block
    from homeport.blocks.kept import split

    kind, name = split(block)
    of_type = types.block_type(kind)
    said: dict[str, Any] = given.of_pairs(of_type, name, fields_, secrets)
    said |= {given.field_name(of_type, field): None for field in unset}
    if not said:
        raise click.UsageError("Nothing to change.\nhint: Give --field NAME=VALUE, --secret NAME=REFERENCE or --unset.")
    changed = update_block(
        block,
        fields={field: value for field, value in said.items() if field not in of_type.secret_fields},
        secrets={field: value for field, value in said.items() if field in of_type.secret_fields},
        ask=session.execute,
    )
    if fields is not None:
        record(_node(changed), [], fields)
        return
    say(f"Block {changed.slug} is at revision {changed.revision}.", fg="green")


@block.command()
@_block
@pass_session
def delete(session: Session, block: str) -> None:
    """Delete the block TYPE/NAME, unless deployments need it."""
    from homeport.blocks import delete_block

    delete_block(block, ask=session.execute)
    say(f"Deleted block {block}.")


@block.command(cls=DataCommand, fields=CHECKED)
@_block
@pass_session
def check(session: Session, block: str, fields: str | None) -> int:
    """Try the block TYPE/NAME from here: its secrets, whether its storage is reached, lets us in, write and read.

    Exit code 1 when something does not work.
    """
    from homeport.blocks import load_block
    from homeport.blocks.checking import check_block

    report = check_block(load_block(block, ask=session.execute))
    if fields is not None:
        steps = [
            {"name": s.name, "ok": s.ok, "evidence": s.evidence, "milliseconds": _milliseconds(s.seconds)}
            for s in report.steps
        ]
        whole = {"block": report.what, "ok": report.ok, "steps": steps, "mend": report.mend}
        click.echo(json.dumps(chosen(whole, fields), indent=2, ensure_ascii=False))
    else:
        words = {True: ("ok", "green"), False: ("fails", "red"), None: ("-", "yellow")}
        columns = [
            Column("step", lambda node: node["name"]),
            Column("result", lambda node: words[node["ok"]][0], colour=lambda node: words[node["ok"]][1]),
            Column("ms", lambda node: _milliseconds(node["seconds"])),
            Column("evidence", lambda node: node["evidence"]),
        ]
        rows([asdict(step) for step in report.steps], columns, None)
        if report.mend:
            say(f"hint: {report.mend}")
    return 0 if report.ok else FAILED


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _found(session: Session, block: str) -> dict[str, Any]:
    from homeport.blocks.kept import split

    kind, name = split(block)
    found = session.execute("blockUses", {"type": kind, "name": name})["block"]
    if found is None:
        import difflib

        known = [f"{node['type']['slug']}/{node['name']}" for node in lists.fetch(session, "blocks", 1000, {})]
        near = difflib.get_close_matches(f"{kind}/{name}", known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"homeport block ls    or: homeport block create {kind}/{name}"
        raise CommandError(f"There is no block {kind}/{name}.", hint=hint, code=NOT_FOUND)
    return dict(found)


def _node(kept: KeptBlock) -> dict[str, Any]:
    return _flat({**kept.about, "deployments": []})


def _flat(node: dict[str, Any]) -> dict[str, Any]:
    used = [f"{d['flow']['project']['name']}/{d['flow']['name']}/{d['name']}" for d in node["deployments"]]
    return {**node, "type": node["type"]["slug"], "deployments": used}


def _shown(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    )


def _stdin_or(file: Path) -> Path:
    return Path("/dev/stdin") if str(file) == "-" else file
