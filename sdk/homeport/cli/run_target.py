"""Which deployment a person means by a name, a path of names, or an id."""

from __future__ import annotations

import re
from typing import Any

import click

from homeport.cli import lists, near_names
from homeport.cli.failures import NOT_FOUND, CommandError
from homeport.cli.session import Session

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def find(
    session: Session, flow: str | None, project: str | None, deployment: str | None, ref: str | None
) -> dict[str, Any]:
    """The part of a CreateFlowRunInput that says what to run; CommandError with what there is when it is not clear."""
    if ref is None and flow is not None and _ID.fullmatch(flow):
        ref = flow
    if ref is not None:
        return _by_id(session, ref)
    if flow is None:
        raise click.UsageError("Nothing to run.\nhint: Give a flow's name, -i ID, -p FILE or -m MODULE.")
    named = flow_named(session, flow, project)
    found: dict[str, Any] = {"project": named["project"], "flow": named["name"]}
    return found | ({"deployment": deployment} if deployment else {})


def flow_named(session: Session, flow: str, project: str | None) -> dict[str, str]:
    """Project and name of the flow that is meant by NAME, or PROJECT/NAME; CommandError when that is not clear."""
    if project is None and "/" in flow:
        project, _, flow = flow.partition("/")
    return {"project": project or _only_project(session, flow), "name": flow}


def _by_id(session: Session, ref: str) -> dict[str, Any]:
    if session.execute("deployment", {"id": ref})["deployment"] is not None:
        return {"deploymentId": ref}
    if session.execute("flow", {"id": ref})["flow"] is not None:
        return {"flowId": ref}
    raise CommandError(
        f"There is no deployment and no flow with the id {ref}.", hint="homeport get deployments", code=NOT_FOUND
    )


def _only_project(session: Session, flow: str) -> str:
    projects = [node["project"]["name"] for node in lists.fetch(session, "flows", 20, {"name": flow})]
    if len(projects) == 1:
        return str(projects[0])
    if not projects:
        near = near_names.hint(session, "flow", flow)
        raise CommandError(f"There is no flow {flow!r}.", hint=near or "homeport get flows", code=NOT_FOUND)
    raise CommandError(
        f"Several projects have a flow {flow!r}: {', '.join(projects)}.", hint="Add --project NAME.", code=NOT_FOUND
    )
