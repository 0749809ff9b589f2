"""`homeport describe`: everything about one thing."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from homeport.cli import deployment_target, near_names, run_target, times
from homeport.cli.deployment_list import INSPECT_FIELDS as INSPECT_FIELDS_OF_DEPLOYMENTS
from homeport.cli.deployment_list import show_deployment
from homeport.cli.failures import NOT_FOUND, CommandError
from homeport.cli.flow_run import INSPECT_FIELDS, show_run
from homeport.cli.groups import CommandGroup
from homeport.cli.printing import DataCommand, record
from homeport.cli.session import Session, pass_session

FLOW_FIELDS = ("id", "name", "project", "latestVersion", "versions", "createdAt")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)


@click.group(cls=CommandGroup)
def describe() -> None:
    """Show everything about one flow, run or deployment."""


@describe.command("flows", cls=DataCommand, fields=FLOW_FIELDS)
@click.argument("name")
@click.option("--project", "-p", help="Its project; needed where several have a flow of that name.")
@pass_session
def flows(session: Session, name: str, project: str | None, fields: str | None) -> None:
    """Show the flow NAME (or its id): entrypoint, parameters, versions."""
    flow = dict(_flow(session, name, project))
    version = flow["latestVersion"]
    flow["versions"] = flow["versions"]["nodes"]
    properties = (version["parameterSchema"] or {}).get("properties", {})
    lines = [
        ("ID", flow["id"]),
        ("Name", flow["name"]),
        ("Project", flow["project"]["name"]),
        ("Description", version["description"]),
        ("Version", f"{version['number']}, registered {times.local(version['createdAt'])} by {version['createdBy']}"),
        ("Entrypoint", version["entrypoint"]),
        ("Parameters", [_parameter(name, schema) for name, schema in properties.items()]),
        ("Storage", version["storage"]),
        ("Digest", version["contentDigest"]),
        ("Made with", f"homeport {version['sdkVersion']}, Python {version['pythonVersion']}"),
        ("Versions", [str(known["number"]) for known in flow["versions"]]),
    ]
    record(flow, lines, fields)


@describe.command("flow-runs", cls=DataCommand, fields=INSPECT_FIELDS)
@click.argument("run", metavar="RUN")
@pass_session
def flow_runs(session: Session, run: str, fields: str | None) -> None:
    """Show everything about RUN."""
    show_run(session, run, fields)


@describe.command("deployment", cls=DataCommand, fields=INSPECT_FIELDS_OF_DEPLOYMENTS)
@click.argument("ref", metavar="ID|[PROJECT/]FLOW[/NAME]")
@click.option("--project", "-p", help="Its project; needed where several have such a deployment.")
@pass_session
def deployment(session: Session, ref: str, project: str | None, fields: str | None) -> None:
    """Show a deployment, by id or as FLOW/NAME; the same as `homeport deployment inspect`."""
    named = ref if "/" in ref or _ID.match(ref) else f"{ref}/default"
    found = deployment_target.find(session, named, project)
    show_deployment(session.execute("deployment", {"id": found["id"]})["deployment"] or found, fields)


def _flow(session: Session, name: str, project: str | None) -> dict[str, Any]:
    asked = {"id": name} if _ID.match(name) else run_target.flow_named(session, name, project)
    flow: dict[str, Any] | None = session.execute("flow", asked)["flow"]
    if flow is None:
        near = near_names.hint(session, "flow", name)
        raise CommandError(f"There is no flow {name!r}.", hint=near or "homeport get flows", code=NOT_FOUND)
    return flow


def _parameter(name: str, schema: dict[str, Any]) -> str:
    default = f" = {json.dumps(schema['default'], ensure_ascii=False)}" if "default" in schema else ""
    kind = schema.get("type")
    return f"{name}: {kind}{default}" if isinstance(kind, str) else f"{name}{default}"
