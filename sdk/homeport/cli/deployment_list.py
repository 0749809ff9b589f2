"""Deployments as a list and one by one: `deployment ls` and `inspect`, `get deployments` and `describe deployment`."""

from __future__ import annotations

from typing import Any

from homeport.cli import lists, near_names, times
from homeport.cli.printing import Column, Node, record, rows
from homeport.cli.schedule_text import schedule_text
from homeport.cli.session import Session

DEPLOYMENT_FIELDS = (
    "id", "name", "flow", "flowVersion", "queue", "labels", "paused", "schedule", "scheduleActive", "upcoming",
    "onLost", "parameters", "description", "version", "tags", "createdAt", "updatedAt",
)  # fmt: skip
INSPECT_FIELDS = (
    "id", "name", "queue", "labels", "paused", "schedule", "scheduleActive", "upcoming", "onLost", "parameters",
    "runConfig", "description", "version", "tags", "flow", "flowVersion", "createdAt", "updatedAt",
)  # fmt: skip


def show_deployments(session: Session, fields: str | None, limit: int, **filters: Any) -> None:
    """Print the deployments that match."""
    nodes = lists.shown(session, "deployments", limit, filters)
    columns = [
        Column("name", lambda node: node["name"], may_shrink=True),
        Column("flow", lambda node: node["flow"]["name"], may_shrink=True),
        Column("project", lambda node: node["flow"]["project"]["name"], may_shrink=True, may_go=True),
        Column("version", lambda node: node["flowVersion"]["number"], may_go=True),
        Column("queue", lambda node: node["queue"], may_shrink=True, may_go=True),
        Column("labels", lambda node: node["labels"], may_shrink=True),
        Column("tags", lambda node: node["tags"], may_shrink=True, may_go=True),
        Column("schedule", schedule_text, may_shrink=True, may_go=True),
        Column("next", lambda node: times.local(node["upcoming"][0]) if node["upcoming"] else "", may_go=True),
        Column("paused", lambda node: "paused" if node["paused"] else ""),
        Column("id", lambda node: node["id"]),
    ]
    make = "No deployments. Make one: homeport deployment build FILE:FLOW -n NAME -a    (or: homeport register)"
    asked = {"project": filters.get("project"), "flow": filters.get("flow"), "work_queue": filters.get("queue")}
    none = "" if nodes else near_names.unknown(session, **asked)
    rows(nodes, columns, fields, none=none or make)


def show_deployment(found: Node, fields: str | None) -> None:
    """Print everything about one."""
    version = found["flowVersion"]
    storage = version["storage"]
    lines = [
        ("ID", found["id"]),
        ("Name", found["name"]),
        ("Flow", f"{found['flow']['name']} version {version['number']}"),
        ("Project", found["flow"]["project"]["name"]),
        ("Description", found["description"]),
        ("Version", found["version"]),
        ("Tags", found["tags"]),
        ("Queue", found["queue"]),
        ("Labels", found["labels"]),
        ("Paused", found["paused"]),
        ("Schedule", schedule_text(found)),
        ("Next runs", [times.local(moment) for moment in found["upcoming"]]),
        ("When lost", found["onLost"].lower()),
        ("Parameters", found["parameters"]),
        ("Run config", found["runConfig"]),
        ("Entrypoint", version["entrypoint"]),
        ("Storage", storage.get("block") or storage),
        ("Updated", times.local(found["updatedAt"])),
    ]
    record(found, lines, fields)
