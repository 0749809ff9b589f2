"""What a command prints as data: a table on a terminal, tab-separated lines in a pipe, or JSON when asked for."""

from __future__ import annotations

import difflib
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from homeport.cli import text

Node = Mapping[str, Any]
WRAPPED_AT = 24  # narrower than this, a text is better read below its row
_FIELD_LIST = re.compile(r"[A-Za-z]+(\.[A-Za-z]+)*(,[A-Za-z]+(\.[A-Za-z]+)*)*")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header, how a node's cell is made, and how it gives way on a narrow terminal.

    `may_go`: left out when the table does not fit. `may_shrink`: its cells are shortened when that was not enough.
    `may_wrap`, of the last column: what is said in it is written on several lines, or below its row, but never cut.
    """

    header: str
    cell: Callable[[Node], Any]
    may_shrink: bool = False
    may_go: bool = False
    may_wrap: bool = False
    colour: Callable[[Node], str | None] | None = None


class DataCommand(click.Command):
    """A command with `--json [FIELDS]`, whose value may be left out without swallowing the argument after it."""

    def __init__(self, *arguments: Any, fields: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields = tuple(fields)
        about = f"Print JSON; FIELDS of {', '.join(self.fields)}." if self.fields else "Print JSON."
        self.params.append(
            click.Option(["--json", "fields"], is_flag=False, flag_value="", metavar="[FIELDS]", help=about)
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Decide whether what follows --json is a list of fields: it is when each is a field of this command."""
        if "--json" in args:
            at = args.index("--json")
            following = args[at + 1] if at + 1 < len(args) else ""
            # A command that takes nothing else can only mean fields, also where it does not have them.
            known = _FIELD_LIST.fullmatch(following) and (self._unknown(following) == [] or self._takes_no_argument())
            args = [*args[:at], f"--json={following if known else ''}", *args[at + (2 if known else 1) :]]
        rest = super().parse_args(ctx, args)
        unknown = self._unknown(ctx.params.get("fields") or "")
        if unknown:
            near = difflib.get_close_matches(unknown[0], self.fields, n=1)
            mend = f"Did you mean {near[0]}?" if near else f"Fields: {', '.join(self.fields)}"
            raise click.UsageError(f"There is no field {unknown[0]!r}.\nhint: {mend}", ctx)
        return rest

    def _takes_no_argument(self) -> bool:
        return not any(isinstance(one, click.Argument) for one in self.params)

    def _unknown(self, fields: str) -> list[str]:
        return [field for field in fields.split(",") if field and field.split(".")[0] not in self.fields]


def rows(nodes: Sequence[Node], columns: Sequence[Column], fields: str | None, *, none: str = "None.") -> None:
    """Print a list; `none` is said on stderr when it is empty, so that nothing and an error look different."""
    if fields is not None:
        click.echo(json.dumps([chosen(node, fields) for node in nodes], indent=2, ensure_ascii=False))
        return
    if not nodes:
        click.secho(none, err=True, dim=True)
        return
    if not sys.stdout.isatty():
        click.echo("\t".join(column.header for column in columns))
        for node in nodes:
            click.echo("\t".join(text.one_line(_written(column.cell(node))) for column in columns))
        return
    _table(nodes, columns)


def record(node: Node, lines: Iterable[tuple[str, Any]], fields: str | None) -> None:
    """Print one thing as `name  value` lines, or as JSON."""
    if fields is not None:
        click.echo(json.dumps(chosen(node, fields), indent=2, ensure_ascii=False))
        return
    shown = [(name, _written(value)) for name, value in lines if value not in (None, "", [], {})]
    if not sys.stdout.isatty():
        for name, value in shown:
            click.echo(f"{name}\t{text.one_line(value)}")
        return
    widest = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(click.style(f"{name:<{widest}}", dim=True) + f"  {text.harmless(value)}")


def json_line(node: Node, fields: str) -> None:
    """Print one object of a stream, at once."""
    click.echo(json.dumps(chosen(node, fields), ensure_ascii=False, separators=(",", ":")))
    sys.stdout.flush()


def chosen(node: Node, fields: str) -> dict[str, Any]:
    """The node, or those of its fields that were asked for, under the names that were asked for."""
    if not fields:
        return dict(node)
    return {field: _at(node, field.split(".")) for field in fields.split(",") if field}


def _at(node: Any, path: Sequence[str]) -> Any:
    for part in path:
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _table(nodes: Sequence[Node], columns: Sequence[Column]) -> None:
    import shutil

    cells = [[text.one_line(_written(column.cell(node))) for node in nodes] for column in columns]
    widths = [max(len(c.header), *map(text.width, lines)) for c, lines in zip(columns, cells, strict=True)]
    room = shutil.get_terminal_size().columns
    kept = _fitting(columns, cells, widths, room)
    last = len(columns) - 1
    below = columns[last].may_wrap and last not in kept and any(cells[last])
    heads = (f"{columns[at].header.upper():<{widths[at]}}" for at in kept)
    click.secho("  ".join(heads).rstrip(), dim=True)
    for row, node in enumerate(nodes):
        written = [_cell(columns[at], node, cells[at][row], widths[at]) for at in kept]
        more: list[str] = []
        if columns[last].may_wrap and last in kept and text.width(cells[last][row]) > widths[last]:
            first, *more = textwrap.wrap(cells[last][row], widths[last])
            written[-1] = first
        elif below:
            more = textwrap.wrap(cells[last][row], max(20, room - 4))
        indent = " " * (4 if below else sum(widths[at] + 2 for at in kept[:-1]))
        click.echo("\n".join(["  ".join(written).rstrip(), *(indent + line for line in more)]))


def _cell(column: Column, node: Node, cell: str, room: int) -> str:
    shown = text.shortened(cell, room) if column.may_shrink else cell
    padded = shown + " " * max(0, room - text.width(shown))
    return click.style(padded, fg=column.colour(node)) if column.colour else padded


def _fitting(columns: Sequence[Column], cells: Sequence[Sequence[str]], widths: list[int], room: int) -> list[int]:
    """Which columns to show; `widths` of those that may shrink are reduced until the table fits.

    First go columns without any content, then those that may, from the right; then the widest gives way step by step.
    """
    kept = list(range(len(columns)))

    def too_wide() -> bool:
        return sum(widths[at] for at in kept) + 2 * (len(kept) - 1) > room

    for at in [at for at in reversed(kept) if not any(cells[at])] + [at for at in reversed(kept) if columns[at].may_go]:
        if too_wide() and at in kept:
            kept.remove(at)
    least = [WRAPPED_AT if column.may_wrap else max(6, len(column.header)) for column in columns]
    while too_wide():
        can = [at for at in kept if (columns[at].may_shrink or columns[at].may_wrap) and widths[at] > least[at]]
        if not can:
            wrapped = [at for at in kept if columns[at].may_wrap]
            if not wrapped:
                break
            kept.remove(wrapped[0])  # it is written below
            continue
        widths[max(can, key=lambda at: widths[at])] -= 1
    return kept
