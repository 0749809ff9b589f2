"""Commands of Prefect 1.x and 2.x that have another name here, or none yet: what to type instead.

Asked only for a command that does not exist. A test types each of the commands that this names.
"""

from __future__ import annotations

_AGENTS = "only local agents are in this version: homeport agent start -q QUEUE"
INSTEAD = {
    "agent docker": _AGENTS,
    "agent ecs": _AGENTS,
    "agent kubernetes": _AGENTS,
    "agent vertex": _AGENTS,
    "auth create-tenant": "there is one tenant in this version: homeport auth status",
    "auth list-tenants": "there is one tenant in this version: homeport auth status",
    "auth list-tokens": "homeport auth list-keys",
    "auth create-token": "homeport auth create-key -n NAME",
    "auth revoke-token": "homeport auth revoke-key --id ID",
    "auth switch-tenants": "there is one tenant in this version; several control planes: homeport profile use NAME",
    "backend": "there is one kind of control plane; which one: homeport profile use NAME",
    "block register": "types come with installed packages: homeport block type ls",
    "build": "homeport register (or: homeport deployment build FILE:FLOW -n NAME)",
    "cancel": "homeport flow-run cancel RUN",
    "cloud": "homeport auth login --key -",
    "concurrency-limit": "limits are those of work queues: homeport work-queue set-concurrency-limit NAME LIMIT",
    "config reset": "homeport config unset NAME",
    "delete flow-run": "the history of a run stays; to end one: homeport flow-run cancel RUN",
    "deploy": "homeport deployment build FILE:FLOW -n NAME -q QUEUE -a",
    "describe tasks": "homeport flow-run inspect RUN",
    "diagnostics": "homeport doctor",
    "execute": "homeport run -n NAME --execute",
    "flow": "homeport get flows",
    "flow-run delete": "the history of a run stays; to end one: homeport flow-run cancel RUN",
    "get logs": "homeport logs RUN",
    "get tasks": "homeport flow-run inspect RUN",
    "heartbeat": "agents and runs report by themselves: homeport agent ls",
    "orion": "homeport server start",
    "server create-tenant": "the first start makes one: homeport server start",
    "server config": "a server is one process and a PostgreSQL: homeport server start --database-url URL",
    "server upgrade": "each start brings the database up to date: homeport server start",
    "server database": "each start brings the database up to date: homeport server start",
    "storage": "storage is described by blocks: homeport block create TYPE/NAME",
    "task-run": "homeport flow-run inspect RUN",
    "variable": "homeport kv set KEY VALUE",
    "variables": "homeport kv set KEY VALUE",
    "work-pool": "homeport work-queue ls",
    "work-queue delete": "a queue that nothing names is in nobody's way: homeport work-queue ls",
    "work-queue preview": "homeport flow-run ls --queue NAME --state Scheduled",
    "worker": "homeport agent start -q QUEUE",
}
"""By what was typed behind `homeport`."""


def instead(path: str, name: str) -> str | None:
    """What to type instead of `name` in the group `path` (as `homeport agent`); None where nothing is known."""
    return INSTEAD.get(" ".join([*path.split()[1:], name]))
