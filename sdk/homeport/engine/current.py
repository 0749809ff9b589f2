"""Where the calling code stands: in a run, in a task of it, in a `with Flow` block, or while flows are collected."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.engine.task_runs import TaskRun
    from homeport.flows import Flow

flow_run: ContextVar[FlowRun | None] = ContextVar("homeport_flow_run", default=None)
task_run: ContextVar[TaskRun | None] = ContextVar("homeport_task_run", default=None)
building: ContextVar[Flow | None] = ContextVar("homeport_building", default=None)
collecting: ContextVar[bool] = ContextVar("homeport_collecting", default=False)
tag_set: ContextVar[frozenset[str]] = ContextVar("homeport_tags", default=frozenset())
values: ContextVar[Mapping[str, Any]] = ContextVar("homeport_context_values", default=MappingProxyType({}))
"""What `with homeport.context(...)` says, before anything that is known of the run."""
