"""`homeport get`: the lists."""

from __future__ import annotations

from typing import Any

import click

from homeport.cli import lists, near_names, times
from homeport.cli.deployment_list import DEPLOYMENT_FIELDS, show_deployments
from homeport.cli.groups import CommandGroup
from homeport.cli.printing import Column, DataCommand, Node, rows
from homeport.cli.run_list import RUN_FIELDS, run_filters, show_runs
from homeport.cli.session import Session, pass_session
from homeport.cli.work_queue import QUEUE_FIELDS, show_queues

AGENT_FIELDS = (
    "id", "name", "kind", "labels", "queues", "version", "host", "capacity", "running", "health", "lastSeenAt",
    "registeredAt", "draining",
)  # fmt: skip
_limit = click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 100_000))


@click.group(cls=CommandGroup)
def get() -> None:
    """List projects, flows, runs, deployments, agents, queues."""


@get.command(cls=DataCommand, fields=("id", "name", "description", "createdAt", "flowCount"))
@click.option("--name", help="Only names that contain this.")
@_limit
@pass_session
def projects(session: Session, name: str | None, limit: int, fields: str | None) -> None:
    """List projects."""
    nodes = lists.shown(session, "projects", limit, {"nameContains": name})
    columns = [
        Column("name", lambda node: node["name"]),
        Column("flows", lambda node: node["flowCount"]),
        Column("created", lambda node: times.ago(node["createdAt"])),
        Column("description", lambda node: node["description"], may_shrink=True),
    ]
    rows(nodes, columns, fields, none="No projects. Make one: homeport create project NAME")


@get.command(cls=DataCommand, fields=("id", "name", "project", "latestVersion", "createdAt"))
@click.option("--project", "-p", help="Only of this project.")
@click.option("--name", help="Only names that contain this.")
@_limit
@pass_session
def flows(session: Session, project: str | None, name: str | None, limit: int, fields: str | None) -> None:
    """List registered flows."""
    nodes = lists.shown(session, "flows", limit, {"project": project, "nameContains": name})
    columns = [
        Column("name", lambda node: node["name"]),
        Column("project", lambda node: node["project"]["name"]),
        Column("version", lambda node: node["latestVersion"]["number"]),
        Column("entrypoint", lambda node: node["latestVersion"]["entrypoint"], may_shrink=True, may_go=True),
        Column("registered", lambda node: times.ago(node["latestVersion"]["createdAt"])),
        Column("id", lambda node: node["id"]),
    ]
    none = "" if nodes else near_names.unknown(session, project=project)
    rows(nodes, columns, fields, none=none or "No flows. Register some: homeport register --project NAME -p flow.py")


@get.command("flow-runs", cls=DataCommand, fields=RUN_FIELDS)
@run_filters
@pass_session
def flow_runs(session: Session, /, fields: str | None, **filters: Any) -> None:
    """List flow runs, the newest first."""
    show_runs(session, fields, **filters)


@get.command(
    cls=DataCommand,
    fields=DEPLOYMENT_FIELDS,
)
@click.option("--project", "-p", help="Only of this project.")
@click.option("--flow", "-f", help="Only of this flow.")
@click.option("--queue", "-q", help="Only those that this work queue gets.")
@_limit
@pass_session
def deployments(
    session: Session, project: str | None, flow: str | None, queue: str | None, limit: int, fields: str | None
) -> None:
    """List deployments."""
    show_deployments(session, fields, limit, project=project, flow=flow, queue=queue)


@get.command(cls=DataCommand, fields=AGENT_FIELDS)
@_limit
@pass_session
def agents(session: Session, limit: int, fields: str | None) -> None:
    """List agents."""
    nodes = lists.shown(session, "agents", limit, {})
    columns = [
        Column("name", lambda node: node["name"]),
        Column(
            "health",
            agent_health,
            colour=lambda node: "red" if agent_health(node) == "offline" else "green",
        ),
        Column("kind", lambda node: node["kind"]),
        Column("running", lambda node: f"{node['running']}/{node['capacity']}"),
        Column("queues", lambda node: node["queues"], may_shrink=True),
        Column("labels", lambda node: node["labels"], may_shrink=True),
        Column("host", lambda node: node["host"], may_shrink=True, may_go=True),
        Column("last seen", lambda node: times.ago(node["lastSeenAt"])),
        Column("version", lambda node: node["version"], may_go=True),
    ]
    rows(nodes, columns, fields, none="No agents. Start one: homeport agent start -q default")


@get.command("work-queues", cls=DataCommand, fields=QUEUE_FIELDS)
@_limit
@pass_session
def work_queues(session: Session, limit: int, fields: str | None) -> None:
    """List work queues."""
    show_queues(session, limit, fields)


def agent_health(agent: Node) -> str:
    """One word for how an agent is: online, draining, or offline, which it is after draining too."""
    return "draining" if agent["draining"] and agent["health"] == "ONLINE" else str(agent["health"]).lower()
