"""`homeport run`: a registered flow on an agent or here, or a flow of a file without any control plane."""

from __future__ import annotations

import shlex
import sys
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from homeport.cli import parameters as given_parameters
from homeport.cli.printing import DataCommand, json_line, record
from homeport.cli.session import Session, pass_session, say

RUN_FIELDS = (
    "id", "name", "state", "flow", "project", "deployment", "parameters", "labels", "queue", "createdAt", "scheduledAt",
)  # fmt: skip
BATCH = 1000


_RUN_OPTIONS = (
    click.option(
        "--param", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter; JSON if it parses as such."
    ),
    click.option("--param-file", type=click.Path(path_type=Path), help="A JSON file of parameters."),
    click.option("--run-name", help="What to call the run."),
    click.option("--label", "-l", "labels", multiple=True, help="A label that its agent must have, beside the flow's."),
    click.option("--idempotency-key", metavar="KEY", help="The same key again means the same run, not another one."),
    click.option("--at", "-s", "at", metavar="WHEN", help="When to start: a time, or a time from now such as 10m."),
    click.option("--count", type=click.IntRange(1, 100_000), default=1, help="How many runs to create."),
    click.option("--execute", is_flag=True, help="Run it here and now, in this process, without an agent."),
    click.option("--watch", "-w", is_flag=True, help="Show states and log lines until it ends."),
    click.option("--timeout", type=float, metavar="SECONDS", help="Stop watching after so long, with exit code 6."),
    click.option("--quiet", "-q", is_flag=True, help="Print the run's id and nothing else."),
)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that makes runs."""
    for option in reversed(_RUN_OPTIONS):
        command = option(command)
    return command


@click.command(cls=DataCommand, fields=RUN_FIELDS)
@click.argument("flow", required=False, metavar="[FLOW]")
@click.option("--name", "-n", help="The flow's name.")
@click.option("--project", help="Its project; needed where several have a flow of that name.")
@click.option("--deployment", "-d", help="Its deployment, where it has others than `default`.")
@click.option("--id", "-i", "ref", help="The id of a deployment or of a flow.")
@click.option("--path", "-p", type=click.Path(path_type=Path), help="Run a flow of this file, without control plane.")
@click.option("--module", "-m", help="Run a flow of this module, without control plane.")
@run_options
@pass_session
def run(
    session: Session,
    /,
    flow: str | None,
    name: str | None,
    project: str | None,
    deployment: str | None,
    ref: str | None,
    path: Path | None,
    module: str | None,
    fields: str | None,
    **options: Any,
) -> int | None:
    """Run FLOW: a name, PROJECT/NAME, or an id. (`homeport run explain RUN` says why a run waits.)

    The exit code of --watch, --execute, -p and -m is that of the run: 0 when it completed, 1 when it did not; 6 when
    the time to watch was up.

    \b
    homeport run prices --param 'lines=["tea 4"]' --watch
    homeport run Shop/prices --at 10m --run-name later
    homeport run -p flows/prices.py
    """
    from homeport.cli import run_target

    if path is not None or module is not None:
        from homeport.cli.local_run import run_local

        found = given_parameters.parse(options["pairs"], options["param_file"])
        return run_local(path, module, name or flow, found)
    return start(session, run_target.find(session, flow or name, project, deployment, ref), fields=fields, **options)


def start(
    session: Session,
    wanted: dict[str, Any],
    *,
    pairs: tuple[str, ...],
    param_file: Path | None,
    run_name: str | None,
    labels: tuple[str, ...],
    idempotency_key: str | None,
    at: str | None,
    count: int,
    execute: bool,
    watch: bool,
    timeout: float | None,
    quiet: bool,
    fields: str | None,
) -> int | None:
    """Make runs of the deployment that `wanted` names, and do with them what the options say; the exit code."""
    if timeout is not None and not watch:
        raise click.UsageError("--timeout is how long to watch.\nhint: Add --watch.")
    given = {
        **wanted,
        "name": run_name,
        "parameters": given_parameters.parse(pairs, param_file),
        "labels": list(labels) or None,
        "scheduledAt": _start(at),
        "direct": execute,
    }
    if count > 1:
        _many(session, given, count, single_only=bool(run_name or idempotency_key or execute or watch))
        return None
    # A key of our own makes it safe to ask again when an answer got lost.
    given["idempotencyKey"] = idempotency_key or f"cli-{uuid.uuid4().hex}"
    made = _create(session, given)
    _tell(made, watch=watch, execute=execute, quiet=quiet, fields=fields)
    if execute:
        from homeport.cli.local_run import execute_registered

        return execute_registered(session, made["flowRun"]["id"])
    if watch:
        from homeport.cli.watch import Watch

        return Watch(session, made["flowRun"]["id"], fields=None if fields is None else "", timeout=timeout).show()
    return None


def _create(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    from homeport.client import expect

    return expect(session.execute("createFlowRun", {"input": given})["createFlowRun"], "FlowRunCreated")


def _many(session: Session, given: dict[str, Any], count: int, *, single_only: bool) -> None:
    from homeport.client import expect

    if single_only:
        raise click.UsageError("--count does not go with --run-name, --idempotency-key, --execute or --watch.")
    for first in range(0, count, BATCH):
        inputs = [
            {**given, "idempotencyKey": f"cli-{uuid.uuid4().hex}"} for _ in range(first, min(first + BATCH, count))
        ]
        made = expect(session.execute("createFlowRuns", {"inputs": inputs})["createFlowRuns"], "FlowRunsCreated")
        for identity in made["ids"]:
            click.echo(identity)
    say(f"Created {count} flow runs.")


def _tell(made: dict[str, Any], *, watch: bool, execute: bool, quiet: bool, fields: str | None) -> None:
    node = made["flowRun"]
    if fields is not None:
        json_line(node, fields) if watch else record(node, [], fields)
        return
    if quiet:
        click.echo(node["id"])
        return
    where = "here" if execute else f"queue {node['queue']}"
    what = "Created" if made["created"] else "This idempotency key has made it before:"
    say(f"{what} flow run {node['name']} of {node['flow']['name']} (project {node['project']['name']}, {where}).")
    click.echo(node["id"])
    sys.stdout.flush()
    if not watch and not execute:
        name = shlex.quote(node["name"])
        say(f"Follow it: homeport logs -f {name}    why it waits: homeport run explain {name}")


def _start(at: str | None) -> datetime | None:
    if at is None:
        return None
    from datetime import UTC

    from homeport.cli import times

    now = datetime.now(UTC)
    try:
        moment = times.moment(at)
    except ValueError:
        expected = "a time such as 2026-11-21T09:30 nor a delay such as 10m or 2h"
        raise click.BadParameter(f"{at!r} is neither {expected}", param_hint="'--at' / '-s'") from None
    # What is an age elsewhere is a delay here.
    return now + (now - moment) if at[-1:].isalpha() and at[:-1].replace(".", "", 1).isdigit() else times.utc(moment)
