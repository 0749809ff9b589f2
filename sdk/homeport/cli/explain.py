"""`homeport explain` (and `run explain`): why a run is not running, as the control plane sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from homeport.cli import lists, text
from homeport.cli.printing import DataCommand, record
from homeport.cli.session import Session, pass_session

_SIGNS = {"PASS": ("ok", "green"), "WAIT": ("wait", "yellow"), "BLOCK": ("no", "red"), "UNKNOWN": ("?", "yellow")}


@click.command(cls=DataCommand, fields=("flowRunId", "verdict", "checks"))
@click.argument("run", metavar="RUN")
@pass_session
def explain(session: Session, run: str, fields: str | None) -> None:
    """Say why RUN is not running yet: what was looked at, what was seen, and what to do."""
    diagnosis = asked(session, lists.run_id(session, run))
    if fields is not None:
        record(diagnosis, [], fields)
        return
    for line in written(diagnosis):
        click.echo(line)


def asked(session: Session, run_id: str) -> dict[str, Any]:
    """The control plane's diagnosis of a run."""
    return dict(session.execute("explainFlowRun", {"id": run_id})["explainFlowRun"])


def written(diagnosis: Mapping[str, Any]) -> list[str]:
    """The diagnosis as lines: the verdict, then each check with its evidence and mend."""
    lines = [click.style(text.harmless(diagnosis["verdict"]), bold=True)]
    for check in diagnosis["checks"]:
        sign, colour = _SIGNS[check["status"]]
        lines.append(f"  {click.style(f'{sign:<4}', fg=colour)}  {check['name']}: {text.harmless(check['evidence'])}")
        if check["mend"] and check["status"] != "PASS":
            lines.append(f"        {click.style('hint:', fg='cyan')} {text.harmless(check['mend'])}")
    return lines


def blocks(diagnosis: Mapping[str, Any]) -> bool:
    """Whether something stands in the way that waiting does not mend."""
    return any(check["status"] == "BLOCK" for check in diagnosis["checks"])


def gist(diagnosis: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What makes two diagnoses differ, without the seconds in their evidence."""
    return tuple((check["name"], check["status"]) for check in diagnosis["checks"] if check["status"] != "PASS")
