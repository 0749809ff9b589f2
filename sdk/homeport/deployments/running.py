"""Running deployments from Python, as in 2.x."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from homeport.backend import flow_runs
from homeport.backend.flow_runs import FlowRunView
from homeport.engine import current
from homeport.runtime.connection import ask, awaited_in_async

__all__ = ["run_deployment"]


@awaited_in_async
def run_deployment(
    name: str,
    parameters: dict[str, Any] | None = None,
    scheduled_time: datetime | None = None,
    flow_run_name: str | None = None,
    timeout: float | None = None,
    poll_interval: float = 5,
    tags: Iterable[str] | None = None,
    idempotency_key: str | None = None,
    as_subflow: bool = True,
) -> FlowRunView:
    """Create a run of the deployment "flow/deployment" and wait for its end; the run, with its state.

    `timeout` in seconds: after it the run is returned as it is, with 0 at once. `tags` are its labels. In a run it is a
    child of that run, in its project; elsewhere "project/flow/deployment" says which project where several have it. Can
    be awaited in async code. Raises NotFoundError, InvalidInputError, NotConnected.
    """
    flow_run_id = flow_runs.start(
        _where(name),
        parameters=parameters,
        labels=tags,
        run_name=flow_run_name,
        idempotency_key=idempotency_key,
        scheduled_start_time=scheduled_time,
        as_child=as_subflow,
    )
    if timeout == 0:
        return flow_runs.look(flow_run_id)
    return flow_runs.wait(flow_run_id, timeout=timeout, poll_interval=min(poll_interval, 60))


def _where(name: str) -> dict[str, str]:
    parts = name.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError(
            f"A deployment is named 'flow/deployment' (or 'project/flow/deployment'); it was given {name!r}."
        )
    flow, deployment = parts[-2:]
    run = current.flow_run.get()
    project = parts[0] if len(parts) == 3 else run.info.project_name if run is not None else ""
    return {"project": project or _only_project(flow, deployment), "flow": flow, "deployment": deployment}


def _only_project(flow: str, deployment: str) -> str:
    found = ask("deployments", {"first": 50, "filter": {"flow": flow, "name": deployment}})["deployments"]["nodes"]
    projects = sorted({node["flow"]["project"]["name"] for node in found})
    if len(projects) != 1:
        where = f"several projects have it: {', '.join(projects)}" if projects else "no project has it"
        raise ValueError(f"Which deployment is {flow}/{deployment}? {where}. Name it 'project/flow/deployment'.")
    return str(projects[0])
