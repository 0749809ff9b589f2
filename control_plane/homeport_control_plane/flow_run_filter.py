"""Which runs a list shows: a filter as a condition in SQL, every value a parameter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane import names
from homeport_control_plane.errors import InvalidInput
from homeport_control_plane.states import StateType

_ID_PREFIX = re.compile(r"[0-9a-f]{4,32}")
_MOST_VALUES = 100


@dataclass(frozen=True, slots=True)
class FlowRunFilter:
    """Every given field must hold. `ref` is a full id, an id prefix of 4 or more hex digits, or a run's name."""

    ref: str | None = None
    state_types: Sequence[str] | None = None
    state_names: Sequence[str] | None = None
    project: str | None = None
    flow: str | None = None
    deployment_id: UUID | None = None
    parent_id: UUID | None = None
    queue: str | None = None
    labels: Sequence[str] | None = None
    name_contains: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(slots=True)
class Conditions:
    """Conditions joined by `and`; each has {} where its value goes."""

    parts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        """One more condition, with a value for each {}."""
        numbers = [f"${len(self.values) + index + 1}" for index in range(len(values))]
        self.parts.append(condition.format(*numbers))
        self.values.extend(values)

    def value(self, value: Any) -> str:
        """The placeholder of one more value."""
        self.values.append(value)
        return f"${len(self.values)}"

    @property
    def text(self) -> str:
        """The whole condition."""
        return " and ".join(self.parts)


def conditions(tenant_id: UUID, where: FlowRunFilter, flow_ids: Sequence[UUID] | None = None) -> Conditions:
    """The filter as SQL, but for the state types. `flow_ids` are those that its project and flow name.

    Raises InvalidInput for a value that no run can have.
    """
    found = Conditions()
    found.add("r.tenant_id = {}::uuid", tenant_id)
    if where.ref is not None:
        _ref(found, where.ref)
    if where.state_names is not None:
        found.add("r.state_name = any ({}::text[])", _few("stateNames", where.state_names))
    if flow_ids is not None and len(flow_ids) == 1:
        # An equality lets the index of the flow's newest runs be walked in order.
        found.add("r.flow_id = {}::uuid", flow_ids[0])
    elif flow_ids is not None:
        found.add("r.flow_id = any ({}::uuid[])", list(flow_ids))
    if where.deployment_id is not None:
        found.add("r.deployment_id = {}::uuid", where.deployment_id)
    if where.parent_id is not None:
        found.add("r.parent_flow_run_id = {}::uuid", where.parent_id)
    if where.queue is not None:
        queue = names.filter_text("queue", where.queue)
        found.add("r.queue_id = (select x.id from work_queue x where x.tenant_id = $1 and x.name = {}::text)", queue)
    if where.labels:
        found.add("r.labels @> {}::text[]", _few("labels", where.labels))
    if where.name_contains is not None:
        found.add("r.name ilike {}::text", names.like(names.text("nameContains", where.name_contains, limit=1000)))
    if where.created_after is not None:
        found.add("r.created_at >= {}::timestamptz", where.created_after)
    if where.created_before is not None:
        found.add("r.created_at < {}::timestamptz", where.created_before)
    return found


def _ref(found: Conditions, ref: str) -> None:
    text = names.text("ref", ref.strip(), limit=1000)
    digits = text.lower().replace("-", "")
    if _ID_PREFIX.fullmatch(digits):
        # A prefix is a range of ids; a name may look like one, so both are looked for.
        low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
        found.add("(r.id between {}::uuid and {}::uuid or r.name = {}::text)", low, high, text)
    else:
        found.add("r.name = {}::text", text)


def _few(path: str, values: Sequence[str]) -> list[str]:
    if len(values) > _MOST_VALUES:
        raise InvalidInput.field(path, f"{len(values)} values are more than the limit of {_MOST_VALUES}")
    return [names.text(path, value, limit=1000) for value in values]


def state_types(where: FlowRunFilter) -> list[str]:
    """The state types that the filter asks for, each once; none: all. Raises InvalidInput for an unknown one."""
    return sorted({_type(value) for value in _few("stateTypes", where.state_types or ())})


def _type(value: str) -> str:
    if value not in StateType.__members__:
        raise InvalidInput.field("stateTypes", f"{value!r} is no state type")
    return value
