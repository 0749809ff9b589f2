"""`homeport deployment apply`: from YAML files to deployments that agents run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from homeport.cli import deployment_problems, dotted_values, parameters
from homeport.cli.failures import FAILED, CommandError
from homeport.cli.printing import DataCommand, chosen
from homeport.cli.session import Session, pass_session, say

if TYPE_CHECKING:
    from homeport.deployments.applying import Application, Applied
    from homeport.deployments.preparing import Prepared
    from homeport.deployments.reading import Described

FIELDS = (
    "id", "name", "flow", "flowId", "project", "queue", "version", "changed", "file", "storage", "sentFiles",
    "sentBytes",
)  # fmt: skip


@click.command(cls=DataCommand, fields=FIELDS)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@click.option("--project", help="The project, whatever the files say; made if it is `default`.")
@click.option("--param", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter of all of them; JSON or text.")
@click.option("--params", "document", metavar="JSON", help="Parameters of all of them, as a JSON object.")
@click.option(
    "--override", "overrides", multiple=True, metavar="KEY.KEY=VALUE", help="Of the infrastructure: env.LEVEL=debug."
)
@click.option("--force", "-f", is_flag=True, help="Make a new version even when nothing changed.")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would change, and change nothing.")
@click.option("--upload", is_flag=True, hidden=True, help="As in 2.4; code is always stored.")
@pass_session
def apply(
    session: Session,
    paths: tuple[Path, ...],
    project: str | None,
    pairs: tuple[str, ...],
    document: str | None,
    overrides: tuple[str, ...],
    force: bool,
    dry_run: bool,
    upload: bool,
    fields: str | None,
) -> int:
    """Store the code of the deployments in these files (or folders of files), and register all of them, or none.

    Everything is checked before anything is sent. Applying again changes only what is different. The YAML of Prefect
    2.4 is read, too.
    """
    from homeport.deployments import reading

    changes = {"parameters": parameters.parse_all(pairs, document), "overrides": dotted_values.parse(overrides)}
    with deployment_problems.told("Nothing was sent."):
        found = reading.read_files(reading.files_of(paths), changes=changes)
    for other in found.others:
        say(f"{other}: there is no deployment in it; left out.", dim=True)
    deployment_problems.warn([note for one in found.deployments for note in one.notes])
    # Files that cannot be read need not hide what is wrong with the code of the others.
    problems = list(found.problems)
    applying = Applying(session, project=project, force=force, quiet=fields is not None)
    prepared = applying.prepare(found.deployments, problems)
    if problems:
        raise deployment_problems.refused(problems, "Nothing was sent.")
    if not prepared:
        raise CommandError("There is no deployment in these files.", hint="homeport deployment build FILE:FLOW -n NAME")
    done = applying.run(prepared, dry_run=dry_run)
    if fields is not None:
        click.echo(json.dumps([chosen(node_of(one), fields) for one in done], indent=2, ensure_ascii=False))
    return 0


@dataclass
class Applying:
    """The way of some deployments to the control plane, told as it goes."""

    session: Session
    project: str | None = None
    force: bool = False
    quiet: bool = False
    to_stderr: bool = False
    _warned: set[str] = field(default_factory=set)

    def prepare(self, found: Sequence[Described], problems: list[Any]) -> list[Prepared]:
        """Each against its code; what is wrong is added to the problems."""
        from homeport.deployments.preparing import Preparation
        from homeport.deployments.problems import InvalidDeployment

        preparation = Preparation(self.session.settings, self.session.execute, self.project)
        try:
            return preparation.prepare(found)
        except InvalidDeployment as error:
            problems += error.problems
            return []

    def run(self, prepared: Sequence[Prepared], *, dry_run: bool = False) -> list[Applied]:
        """Check at the control plane, store, register; each step told. Raises CommandError, ClientError, CodeError."""
        from homeport.deployments.applying import Application

        application = Application(self.session.client, self.session.settings.home, force=self.force)
        with deployment_problems.told("Nothing was sent."):
            planned = application.check(prepared)
        if dry_run:
            for one in planned:
                self._tell(f"{one.prepared.name}... {'Would change' if one.changed else 'Unchanged'}")
            return planned
        self.store(application, prepared)
        done = self._register(application, prepared)
        for one in done:
            self._told(one)
        changed = sum(one.changed for one in done)
        self._tell(f"{changed} applied, {len(done) - changed} skipped")
        return done

    def store(self, application: Application, prepared: Sequence[Prepared]) -> None:
        """Store the code of all of them."""
        from homeport.code import CodeError

        shown: set[int] = set()
        for one in prepared:
            for warning in one.tree.warnings:
                if warning not in self._warned:
                    self._warned.add(warning)
                    say(f"Warning: {warning}", fg="yellow")
            try:
                stored = application.store(one)
            except CodeError as error:
                raise CommandError(
                    f"The code of {one.name} cannot be stored in {one.storage_name}: {error}",
                    hint="Nothing was registered. Applying again goes on from what is stored.",
                    code=FAILED,
                ) from error
            if id(stored) not in shown:
                shown.add(id(stored))
                count = len(one.tree.manifest.files)
                sent = (
                    f"{stored.sent_files} sent, {_size(stored.sent_bytes)}"
                    if stored.sent_files
                    else "all there already"
                )
                self._tell(f"Stored {count} {'file' if count == 1 else 'files'} in {one.storage_name} ({sent}).")

    def _register(self, application: Application, prepared: Sequence[Prepared]) -> list[Applied]:
        from homeport.client import Unreachable
        from homeport.deployments.problems import InvalidDeployment

        try:
            return application.register(prepared)
        except InvalidDeployment as error:
            raise deployment_problems.refused(error.problems, _stands(application, prepared)) from error
        except Unreachable as error:
            stands = _stands(application, prepared) if application.registered else "The code is stored."
            error.hint = error.hint or f"{stands} Apply again: what was registered is whole, and is skipped then."
            raise

    def _told(self, one: Applied) -> None:
        self._tell(f"{one.prepared.name}... {'Done' if one.changed else 'Skipped (unchanged)'}")
        if one.changed:
            self._tell(f"└── ID: {one.deployment_id}")
            self._tell(f"└── Version: {one.version}")

    def _tell(self, line: str) -> None:
        if not self.quiet:
            click.echo(line, err=self.to_stderr)


def _stands(application: Application, prepared: Sequence[Prepared]) -> str:
    many = len(application.registered)
    if not many:
        return "The code is stored; nothing was registered."
    return f"The code is stored; {many} of {len(prepared)} deployments are registered, up to {prepared[many - 1].name}."


def node_of(one: Applied) -> dict[str, Any]:
    """What was applied, as JSON."""
    made = one.prepared
    return {
        "id": one.deployment_id,
        "name": made.described.specification.name,
        "flow": made.flow.name,
        "flowId": one.flow_id,
        "project": made.project,
        "queue": made.queue,
        "version": one.version,
        "changed": one.changed,
        "file": str(made.described.file),
        "storage": made.storage_name,
        "sentFiles": one.stored.sent_files if one.stored is not None else 0,
        "sentBytes": one.stored.sent_bytes if one.stored is not None else 0,
    }


def _size(count: int) -> str:
    amount, units = float(count), ["bytes", "KB", "MB", "GB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.0f} {units[0]}" if units[0] == "bytes" else f"{amount:.1f} {units[0]}"
