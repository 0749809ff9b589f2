"""Which deployment a person means by FLOW/NAME, PROJECT/FLOW/NAME or an id."""

from __future__ import annotations

import difflib
import re
from typing import Any

import click

from homeport.cli import lists
from homeport.cli.failures import NOT_FOUND, USAGE, CommandError
from homeport.cli.known_names import complete_deployments
from homeport.cli.session import Session

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
argument = click.argument("deployment", metavar="[PROJECT/]FLOW/NAME", shell_complete=complete_deployments)
project_option = click.option("--project", "-p", help="Its project; needed where several have such a deployment.")


def find(session: Session, ref: str, project: str | None = None) -> dict[str, Any]:
    """The deployment, as lists show it; CommandError with what there is when there is none, or more than one."""
    if _ID.fullmatch(ref):
        found = session.execute("deployment", {"id": ref})["deployment"]
        if found is None:
            raise CommandError(f"There is no deployment {ref}.", hint="homeport deployment ls", code=NOT_FOUND)
        return dict(found)
    flow, _, name = ref.rpartition("/")
    if not flow or not name:
        raise CommandError(
            f"{ref!r} names no deployment: it is FLOW/NAME.",
            hint=_of_flow(session, ref) or "homeport deployment ls",
            code=USAGE,
        )
    found = _matching(session, flow, name, project)
    if len(found) == 1:
        return found[0]
    if found:
        where = ", ".join(f"{one['flow']['project']['name']}/{ref}" for one in found)
        raise CommandError(f"Several projects have it: {where}.", hint="Add --project NAME.", code=NOT_FOUND)
    raise CommandError(f"There is no deployment {ref!r}.", hint=_near(session, ref), code=NOT_FOUND)


def _matching(session: Session, flow: str, name: str, project: str | None) -> list[dict[str, Any]]:
    # A flow's name may have a slash in it: the whole is tried as one before its beginning is taken for a project.
    found = list(lists.fetch(session, "deployments", 20, {"flow": flow, "name": name, "project": project}))
    if not found and project is None and "/" in flow:
        project, _, flow = flow.partition("/")
        found = list(lists.fetch(session, "deployments", 20, {"flow": flow, "name": name, "project": project}))
    return found


def _of_flow(session: Session, flow: str) -> str | None:
    names = [_shown(one) for one in lists.fetch(session, "deployments", 20, {"flow": flow})]
    if names:
        return f"Its deployments: {', '.join(names)}"
    called = [_shown(one) for one in lists.fetch(session, "deployments", 3, {"name": flow})]
    return f"Did you mean {' or '.join(called)}?" if called else None


def _near(session: Session, ref: str) -> str:
    names = [_shown(one) for one in lists.fetch(session, "deployments", 1000, {})]
    near = difflib.get_close_matches(ref, names, 3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else "homeport deployment ls"


def _shown(one: dict[str, Any]) -> str:
    return f"{one['flow']['name']}/{one['name']}"
