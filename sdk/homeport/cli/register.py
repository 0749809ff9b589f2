"""`homeport register`: from source files to flows that agents can run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from homeport.cli import sources
from homeport.cli.failures import FAILED, USAGE, CommandError, explain
from homeport.cli.known_names import complete_blocks
from homeport.cli.printing import DataCommand, chosen
from homeport.cli.session import Session, pass_session, say

if TYPE_CHECKING:
    from homeport.flows import Flow
    from homeport.registration import Registrar


@dataclass
class Tally:
    """What came of it so far."""

    registered: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)
    failed: int = 0

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{len(self.registered)} registered, {len(self.skipped)} skipped{failed}"


@click.command(cls=DataCommand, fields=("id", "name", "version", "deploymentId", "changed", "source"))
@click.option("--project", required=True, help="The project to register into.")
@click.option("--path", "-p", "paths", multiple=True, help="A file, a folder or a pattern; may be repeated.")
@click.option("--module", "-m", "modules", multiple=True, help="An importable module; may be repeated.")
@click.option("--name", "-n", "names", multiple=True, help="Only flows of this name; may be repeated.")
@click.option("--label", "-l", "labels", multiple=True, help="A label that agents must have; may be repeated.")
@click.option("--queue", "-q", help="The work queue of its runs.")
@click.option("--root", type=click.Path(path_type=Path), help="The folder that travels with the flow.")
@click.option("--storage", type=click.Path(path_type=Path), help="The folder to store code in.")
@click.option(
    "--storage-block",
    "-sb",
    metavar="TYPE/NAME",
    help="The block in whose storage to store code, whatever flows say.",
    shell_complete=complete_blocks,
)
@click.option("--force", "-f", is_flag=True, help="Make a new version even when nothing changed.")
@click.option(
    "--no-schedule", is_flag=True, help="Register schedules paused: they make no runs until registered without."
)
@click.option("--watch", is_flag=True, help="Register again whenever a file changes, until Ctrl-C.")
@pass_session
def register(
    session: Session,
    project: str,
    paths: tuple[str, ...],
    modules: tuple[str, ...],
    names: tuple[str, ...],
    labels: tuple[str, ...],
    queue: str | None,
    root: Path | None,
    storage: Path | None,
    storage_block: str | None,
    force: bool,
    no_schedule: bool,
    watch: bool,
    fields: str | None,
) -> int:
    """Store flows' code in your storage and tell the control plane about them, without their code.

    Exit code 1 when one of them failed; the others are registered.

    \b
    homeport register --project Shop -p flows/prices.py --root .
    homeport register --project Shop -p flows -l gpu --storage-block s3/prod
    homeport register --project Shop -m shop.flows --watch
    """
    from homeport.code import Limits
    from homeport.registration import Registrar

    if not paths and not modules:
        raise click.UsageError("Nothing to register.\nhint: Add -p FILE (or a folder, or a pattern), or -m MODULE.")
    if storage_block is not None:
        from homeport.blocks.kept import split

        split(storage_block)  # what names no block is told once, and before anything is loaded
    if storage is not None and storage_block is not None:
        raise click.UsageError("--storage and --storage-block both say where code is stored.\nhint: Give one.")
    settings = session.settings

    def once() -> Tally:
        registrar = Registrar(
            session.client,
            project,
            (storage or settings.storage).absolute(),
            settings.home,
            queue or settings.queue,
            labels,
            force,
            schedule_active=not no_schedule,
            block=None if storage is not None else settings.storage_block,
            instead=storage_block,
            limits=Limits.of(settings),
        )
        return Registering(registrar, names, root, quiet=fields is not None).run(sources.origins(paths, modules))

    tally = once()
    if fields is not None:
        click.echo(json.dumps([chosen(node, fields) for node in tally.registered + tally.skipped], indent=2))
    if watch:
        from homeport.cli.file_watch import changes

        say("Watching for changes; stop with Ctrl-C.")
        for changed in changes([root or Path.cwd(), *(Path(path) for path in paths if Path(path).exists())]):
            click.echo(f"\nChanged: {changed}")
            _forget_imported()
            try:
                once()
            except Exception as error:
                # Told as it would be at the program's end; the next change may be the one that mends it.
                explain(error, session)
    return FAILED if tally.failed else 0


class Registering:
    """One pass over files and modules, told as it goes."""

    def __init__(self, registrar: Registrar, names: Sequence[str], root: Path | None, *, quiet: bool) -> None:
        self._registrar = registrar
        self._names = set(names)
        self._root = root
        self._quiet = quiet
        self._tally = Tally()
        self._line_is_open = False

    def run(self, origins: Sequence[sources.Origin]) -> Tally:
        """Register what they define; a failure is told and counted, and the others go on."""
        self._registrar.check_project()
        self._tell("Collecting flows...")
        collected = [(origin, list(self._flows(origin))) for origin in origins]
        seen = {flow.name for _, flows in collected for flow in flows}
        if self._names - seen:
            missing = ", ".join(sorted(self._names - seen))
            raise CommandError(f"No flow is named {missing}.", hint=f"Found: {', '.join(sorted(seen)) or 'none'}")
        self._refuse_two_of_a_name(collected)
        for origin, flows in collected:
            wanted = [flow for flow in flows if not self._names or flow.name in self._names]
            if wanted:
                self._tell(f"Processing {origin.name!r}:")
            for flow in wanted:
                self._register(origin, flow)
        if not seen and not self._tally.failed:
            raise CommandError(
                "No flow was found.", hint="A flow is a variable at the top of a file: @flow, or Flow(...)"
            )
        self._tell(str(self._tally))
        return self._tally

    def _refuse_two_of_a_name(self, collected: Sequence[tuple[sources.Origin, Sequence[Flow]]]) -> None:
        """One would be the next version of the other, and nobody could say which is which."""
        places: dict[str, list[str]] = {}
        for origin, flows in collected:
            for flow in flows:
                places.setdefault(flow.name, []).append(f"{origin.name}:{flow.variable}")
        for name, where in places.items():
            if len(where) > 1 and (not self._names or name in self._names):
                raise CommandError(
                    f"Several flows are named {name!r}: {', '.join(where)}.",
                    hint='Give each a name of its own: @flow(name="...")',
                    code=USAGE,
                )

    def _flows(self, origin: sources.Origin) -> Iterator[Flow]:
        from homeport.code import PackingError

        try:
            yield from origin.flows(self._root)
        except PackingError as error:
            raise CommandError(str(error), code=USAGE) from None  # a root that does not hold the file
        except (Exception, SystemExit) as error:
            self._fail(f"{origin.name!r} cannot be loaded: {sources.why(error)}", error)

    def _register(self, origin: sources.Origin, flow: Flow) -> None:
        from homeport.blocks import BlockError
        from homeport.client import ClientError, Unreachable
        from homeport.client.errors import Forbidden, NotFoundError, Unauthenticated
        from homeport.code import CodeError
        from homeport.registration import RegistrationError

        try:
            source = origin.source(flow, self._root)
            self._tell(f"  Building {self._registrar.storage_name(flow)} storage...")
            packed = self._registrar.store(flow, source)
            for warning in packed.tree.warnings:
                say(f"  Warning: {warning}", fg="yellow")
            self._tell(f"  Registering {flow.name!r}...", newline=False)
            done = self._registrar.register(flow, source, packed)
        except (Unreachable, Unauthenticated, Forbidden, NotFoundError):
            self._end_line(" Failed")
            raise  # it would be the same for each flow
        except (RegistrationError, CodeError, ClientError, BlockError) as error:
            self._end_line(" Failed")
            self._fail(f"{flow.name!r}: {error}", error)
            return
        node = {
            "id": done.flow_id,
            "name": done.flow_name,
            "version": done.version,
            "deploymentId": done.deployment_id,
            "changed": done.changed,
            "source": origin.name,
        }
        if not done.changed:
            self._tell(" Skipped (unchanged)")
            self._tally.skipped.append(node)
            return
        self._tell(" Done")
        self._tell(f"  └── ID: {done.flow_id}")
        self._tell(f"  └── Version: {done.version}")
        self._tally.registered.append(node)

    def _tell(self, line: str, *, newline: bool = True) -> None:
        if not self._quiet:
            self._line_is_open = not newline
            click.echo(line, nl=newline)
            sys.stdout.flush()

    def _end_line(self, word: str) -> None:
        """Put the word behind the line that was begun; where none was, the error says enough."""
        if self._line_is_open:
            self._tell(word)

    def _fail(self, message: str, error: BaseException) -> None:
        self._tally.failed += 1
        say(f"  Failed: {message}", fg="red")
        hint = getattr(error, "hint", None)
        if hint:
            say(f"  hint: {hint}")


def _forget_imported() -> None:
    """Let the next pass import the user's modules anew."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if (
            file
            and "site-packages" not in file
            and not name.startswith("homeport")
            and file.startswith(str(Path.cwd()))
        ):
            del sys.modules[name]
