"""Command groups that import a command only when it is used, and suggest the nearest for one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives (`module:attribute`, or the entry point group that holds it), and its line of help."""

    target: str
    about: str
    entry_point: bool = False

    def load(self, name: str) -> click.Command:
        """Import the command; a ClickException when the package that brings it cannot be imported."""
        if self.entry_point:
            return self._from_entry_point(name)
        module, _, attribute = self.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def _from_entry_point(self, name: str) -> click.Command:
        from importlib.metadata import entry_points

        for entry in entry_points(group=self.target, name=name):
            try:
                command = entry.load()
            except ImportError as error:
                raise click.ClickException(
                    f"`homeport {name}` needs a package that is not installed ({error}).\n"
                    f"hint: pip install 'homeport[{name}]'"
                ) from error
            assert isinstance(command, click.Command)
            return command
        raise click.ClickException(f"`homeport {name}` is not installed.\nhint: pip install 'homeport[{name}]'")


class CommandGroup(click.Group):
    """A group whose table of entries is known without importing any of them."""

    def __init__(self, *arguments: Any, entries: Mapping[str, Entry] | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.entries = dict(entries or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return [*self.entries, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        entry = self.entries.get(cmd_name)
        return entry.load(cmd_name) if entry else super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name suggested, and `run explain` taken as one name."""
        if args[:2] == ["run", "explain"] and "explain" in self.entries:
            return "run explain", self.get_command(ctx, "explain"), args[2:]
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            from homeport.cli.prefect_commands import instead

            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1, cutoff=0.5)
            path = ctx.command_path
            nearest = f"Did you mean: {path} {near[0]}" if near else f"See: {path} --help"
            known = instead(path, name)
            hint = f"Here it is: {known}" if known and known.startswith("homeport") else known or nearest
            raise click.UsageError(f"There is no command {name!r}.\nhint: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help's list, without importing the commands."""
        rows = [(name, entry.about) for name, entry in self.entries.items()]
        rows += [(name, command.get_short_help_str(90)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
