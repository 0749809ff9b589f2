"""Filters of lists, and the domain's filters that they become."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from homeport_control_plane import flow_runs, logs
from homeport_control_plane.api.enums import LogLevel, StateType
from homeport_control_plane.errors import InvalidInput


@strawberry.input
class ProjectFilter:
    name_contains: str | None = None


@strawberry.input
class FlowFilter:
    project: str | None = None
    name: str | None = None
    name_contains: str | None = None


@strawberry.input
class DeploymentFilter:
    project: str | None = None
    flow: str | None = None
    name: str | None = None
    queue: str | None = None


@strawberry.input
class FlowRunFilter:
    ref: str | None = strawberry.field(
        default=None, description="A full id, a unique id prefix of 4 or more hex digits, or a run name."
    )
    state_types: list[StateType] | None = None
    state_names: list[str] | None = None
    project: str | None = None
    flow: str | None = None
    deployment_id: strawberry.ID | None = None
    parent_id: strawberry.ID | None = strawberry.field(default=None, description="The run that started them.")
    queue: str | None = None
    labels: list[str] | None = None
    name_contains: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@strawberry.input
class TaskRunFilter:
    state_types: list[StateType] | None = None
    task_key: str | None = None


@strawberry.input
class LogFilter:
    min_level: LogLevel | None = None
    task_run_id: strawberry.ID | None = None
    attempt_number: int | None = None
    contains: str | None = None
    since: datetime | None = None


@strawberry.input
class AgentFilter:
    name: str | None = None
    kind: str | None = None
    queue: str | None = None


def flow_run_filter(given: FlowRunFilter | None) -> flow_runs.FlowRunFilter | None:
    """The domain's filter. Raises InvalidInput for an id that cannot be one."""
    if given is None:
        return None
    return flow_runs.FlowRunFilter(
        ref=given.ref,
        state_types=[t.value for t in given.state_types] if given.state_types is not None else None,
        state_names=given.state_names,
        project=given.project,
        flow=given.flow,
        deployment_id=id_in_filter("filter.deploymentId", given.deployment_id),
        parent_id=id_in_filter("filter.parentId", given.parent_id),
        queue=given.queue,
        labels=given.labels,
        name_contains=given.name_contains,
        created_after=given.created_after,
        created_before=given.created_before,
    )


def log_filter(given: LogFilter | None) -> logs.LogFilter | None:
    """The domain's filter. Raises InvalidInput for an id that cannot be one."""
    if given is None:
        return None
    return logs.LogFilter(
        min_level=given.min_level.value if given.min_level else None,
        task_run_id=id_in_filter("filter.taskRunId", given.task_run_id),
        attempt_number=given.attempt_number,
        contains=given.contains,
        since=given.since,
    )


def id_in_filter(path: str, ref: str | None) -> UUID | None:
    """The id given at this path. Raises InvalidInput if the text is none."""
    if ref is None:
        return None
    try:
        return UUID(ref)
    except ValueError:
        raise InvalidInput.field(path, f"is not an id: {ref[:80]!r}") from None
