"""What a run takes from its deployment: remembered in the process, and checked by the statement that uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from homeport_control_plane import names
from homeport_control_plane.database import Database, Row, load_sql
from homeport_control_plane.documents import from_json
from homeport_control_plane.errors import InvalidInput, NotFound
from homeport_control_plane.parameters import ParameterSchema

SQL = load_sql("creation")
_MOST_REMEMBERED = 2000


@dataclass(frozen=True, slots=True)
class DeploymentRef:
    """A deployment by id, by flow id, or by project and flow name; the last two with the deployment's name."""

    deployment_id: UUID | None = None
    flow_id: UUID | None = None
    project: str | None = None
    flow: str | None = None
    deployment: str = "default"

    def __str__(self) -> str:
        return str(self.deployment_id or f"{self.flow_id or f'{self.project}/{self.flow}'}/{self.deployment}")

    def check(self) -> None:
        """Raises InvalidInput unless it names one deployment in one way."""
        if self.deployment_id is None and self.flow_id is None and (self.project is None or self.flow is None):
            raise InvalidInput.field("deploymentId", "give deploymentId, or flowId, or project and flow")
        for path, value in (("project", self.project), ("flow", self.flow), ("deployment", self.deployment)):
            names.filter_text(path, value)


@dataclass(frozen=True, slots=True)
class RunTemplate:
    """A deployment's part of its runs, of one revision."""

    deployment_id: UUID
    revision: int
    deployment_name: str
    flow_id: UUID
    flow_name: str
    project_id: UUID
    project_name: str
    flow_version_id: UUID
    parameters: dict[str, Any]
    labels: tuple[str, ...]
    queue_id: UUID
    queue: str
    on_lost: str
    schema: ParameterSchema


async def template(db: Database, tenant_id: UUID, ref: DeploymentRef) -> RunTemplate:
    """The template of this deployment. Raises NotFound, InvalidInput."""
    remembered: dict[Any, RunTemplate] = db.memory.setdefault("run_templates", {})
    found = remembered.get((tenant_id, ref))
    if found is None:
        ref.check()
        row = await db.fetchrow(
            SQL["deployment"], tenant_id, ref.deployment_id, ref.flow_id, ref.project, ref.flow, ref.deployment
        )
        if row is None:
            raise NotFound("deployment", ref, hint="`homeport get flows` shows what is registered")
        found = _template(row)
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
        remembered[tenant_id, ref] = found
    return found


def forget(db: Database, tenant_id: UUID, ref: DeploymentRef) -> None:
    """Lets the next `template` look again: what was remembered no longer held."""
    db.memory.get("run_templates", {}).pop((tenant_id, ref), None)


def _template(row: Row) -> RunTemplate:
    schema = ParameterSchema(from_json(row["parameter_schema"]))
    columns = {name: row[name] for name in row.keys() if name != "parameter_schema"}  # noqa: SIM118 - a record is no dict
    return RunTemplate(
        **{**columns, "parameters": from_json(row["parameters"]), "labels": tuple(row["labels"]), "schema": schema}
    )
