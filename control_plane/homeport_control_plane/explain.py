"""Why a run is where it is: ordered checks with what was seen and what to do.

One answer behind page, command line and doctor.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane.database import Queries, Row, load_sql
from homeport_control_plane.documents import from_json
from homeport_control_plane.pauses import fields_of
from homeport_control_plane.states import FINAL
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

SQL = load_sql("explain")


@dataclass(frozen=True, slots=True)
class Check:
    """One step: `status` is PASS, WAIT, BLOCK or UNKNOWN; `mend` says what to do about it."""

    name: str
    status: str
    evidence: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict is the first check that does not pass, or where the run is."""

    flow_run_id: UUID
    verdict: str
    checks: tuple[Check, ...]


async def explain(
    db: Queries, tenant_id: UUID, flow_run_id: UUID, *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None
) -> Explanation | None:
    """The diagnosis of a run, or None if the tenant has no such run."""
    run = await db.fetchrow(SQL["run"], tenant_id, flow_run_id, now)
    if run is None:
        return None
    if run["state_type"] != "SCHEDULED":
        check = _held(run) if run["state_type"] not in {*FINAL, "PAUSED"} else _standing(run)
        return Explanation(flow_run_id, check.evidence, (check,))
    if run["queue_id"] is None:
        check = Check(
            "direct",
            "WAIT",
            "created to be executed by whoever created it; no agent will take it",
            f"cancel it, and run it again: homeport flow-run cancel {flow_run_id}",
        )
        return Explanation(flow_run_id, check.evidence, (check,))
    checks = [_schedule(run), _deployment(run), _queue(run)]
    checks += await _agents(db, tenant_id, run, timings, now)
    checks.insert(-1, await _limit(db, tenant_id, run))
    first = next((check for check in checks if check.status != "PASS"), None)
    verdict = "due: the next agent that asks takes it" if first is None else first.evidence
    return Explanation(flow_run_id, verdict, tuple(checks))


def _standing(run: Row) -> Check:
    message = f": {run['state_message']}" if run["state_message"] else ""
    if run["state_type"] == "PAUSED" and run["pauses"] is not None:
        return _waiting(run, from_json(run["pauses"]))
    if run["state_type"] == "PAUSED":
        return Check("state", "BLOCK", f"{run['state_name']}{message}", _sending_on(run))
    return Check("state", "PASS", f"{run['state_name']} since {run['state_at'].isoformat()}{message}")


def _waiting(run: Row, open_pauses: list[dict[str, Any]]) -> Check:
    first = open_pauses[0]
    where = f"; its process waits on {run['executor']}" if run["executor"] else ""
    left = first["seconds_left"]
    until = f", for at most {_ago(left)} more" if left is not None else ""
    more = f" ({len(open_pauses)} pauses are open)" if len(open_pauses) > 1 else ""
    evidence = f"{run['state_name']}: {run['state_message']}, {_ago(run['seconds_in_state'])} ago{until}{more}{where}"
    mend = f"homeport flow-run resume {run['id']}"
    if len(open_pauses) > 1:
        mend += f" --key {shlex.quote(first['key'])}"
    if first["schema"] is not None:
        mend += "".join(f" --input {name}=..." for name in fields_of(first["schema"]))
    return Check("person", "BLOCK", evidence, f"{mend}    or: homeport flow-run cancel {run['id']}")


def _sending_on(run: Row) -> str:
    cancel = f"homeport flow-run cancel {run['id']}"
    if run["queue_id"] is None:
        return f"no agent may take it: cancel it, and run it again: {cancel}"
    return f"homeport flow-run resume {run['id']}    or: {cancel}"


def _held(run: Row) -> Check:
    who, unheard = run["executor"], _ago(run["seconds_unheard"])
    if run["state_type"] == "PENDING":
        lease = max(0, round(run["lease_seconds"] or 0))
        return Check(
            "attempt",
            "WAIT",
            f"{who} claimed it {unheard} ago and has not started it yet (attempt {run['attempt_number']})",
            f"its code is being fetched or its process started; in {lease} s it would go back to the queue",
        )
    if run["state_type"] == "CANCELLING":
        return Check("attempt", "WAIT", f"{who} was asked to stop it {_ago(run['seconds_in_state'])} ago")
    return Check("attempt", "PASS", f"runs on {who} (attempt {run['attempt_number']}), last heard of {unheard} ago")


def _schedule(run: Row) -> Check:
    if run["ahead"]:
        when = f"scheduled for {run['scheduled_at'].isoformat()}, in {_ago(run['seconds_ahead'])}"
        return Check("schedule", "WAIT", when)
    return Check("schedule", "PASS", f"due since {_ago(-run['seconds_ahead'])}")


def _deployment(run: Row) -> Check:
    name = f"deployment {run['deployment_name']!r}"
    if run["deployment_paused"]:
        return Check("deployment", "BLOCK", f"{name} is paused", "resume the deployment")
    return Check("deployment", "PASS", f"{name} is not paused")


def _queue(run: Row) -> Check:
    name = run["queue"]
    if run["queue_paused"]:
        return Check("work queue", "BLOCK", f"work queue {name!r} is paused", f"homeport work-queue resume {name}")
    return Check("work queue", "PASS", f"work queue {name!r} is not paused")


async def _limit(db: Queries, tenant_id: UUID, run: Row) -> Check:
    limit, held, name = run["concurrency_limit"], run["held"], run["queue"]
    if limit is None:
        return Check("queue limit", "PASS", f"work queue {name!r} has no limit")
    if held < limit:
        return Check("queue limit", "PASS", f"{held} of {limit} slots of work queue {name!r} are held")
    holders = [row["name"] for row in await db.fetch(SQL["holders"], tenant_id, run["queue_id"])]
    more = f" and {held - len(holders)} more" if held > len(holders) else ""
    return Check(
        "queue limit",
        "WAIT" if limit else "BLOCK",
        f"all {limit} slots of work queue {name!r} are held, by {', '.join(holders) or 'nobody'}{more}",
        f"wait, or raise the limit: homeport work-queue set-concurrency-limit {name} {limit + 1}",
    )


async def _agents(db: Queries, tenant_id: UUID, run: Row, timings: Timings, now: datetime | None) -> list[Check]:
    """Whether there are agents of the queue, healthy ones, with the labels, and with room."""
    queue = run["queue"]
    found = await db.fetch(SQL["agents"], tenant_id, queue, now)
    if not found:
        others = [row["queue"] for row in await db.fetch(SQL["other_queues"], tenant_id, now, timings.agent_offline)]
        elsewhere = f"; agents that are online serve {', '.join(others)}" if others else "; no agent is online at all"
        return [
            Check(
                "agents",
                "BLOCK",
                f"no agent ever served work queue {queue!r}{elsewhere}",
                f"homeport agent start -q {queue}",
            )
        ]
    online = [agent for agent in found if agent["seconds_unseen"] <= timings.agent_offline]
    if not online:
        last = found[0]
        they = f"none of the {len(found)} agents" if len(found) > 1 else "the only agent"
        are = "is online" if len(found) > 1 else "is not online"
        seen = f"{last['name']!r} was last seen {_ago(last['seconds_unseen'])} ago"
        return [
            Check(
                "agents",
                "BLOCK",
                f"{they} of work queue {queue!r} {are}; {seen}",
                f"start it again: homeport agent start -q {queue}",
            )
        ]
    checks = [Check("agents", "PASS", f"online for work queue {queue!r}: {_names(online)}")]
    wanted = set(run["labels"])
    fitting = [agent for agent in online if wanted <= set(agent["labels"])]
    if not fitting:
        return [*checks, _labels(wanted, online)]
    checks.append(
        Check(
            "labels",
            "PASS",
            f"{_names(fitting)} {_have(fitting)} the labels of the run" if wanted else "the run asks for none",
        )
    )
    return [*checks, _room(fitting)]


def _labels(wanted: set[str], online: Sequence[Row]) -> Check:
    nearest = min(online, key=lambda agent: len(wanted - set(agent["labels"])))
    missing = sorted(wanted - set(nearest["labels"]))
    start = " ".join(f"-l {label}" for label in sorted(wanted))
    return Check(
        "labels",
        "BLOCK",
        f"no agent that is online has the labels {', '.join(sorted(wanted))}; "
        f"the nearest, {nearest['name']!r}, lacks {', '.join(missing)}",
        f"start an agent with {start}, or run the flow without them",
    )


def _room(fitting: Sequence[Row]) -> Check:
    ready = [agent for agent in fitting if not agent["draining"] and agent["running"] < agent["capacity"]]
    if ready:
        return Check("capacity", "PASS", f"{_names(ready)} {_have(ready)} room")
    draining = [agent for agent in fitting if agent["draining"]]
    if len(draining) == len(fitting):
        are = "is" if len(draining) == 1 else "are"
        return Check("capacity", "BLOCK", f"{_names(draining)} {are} shutting down", "start another agent")
    busy = ", ".join(f"{a['name']} runs {a['running']} of {a['capacity']}" for a in fitting[:5] if not a["draining"])
    return Check("capacity", "WAIT", f"the agents are busy, not absent: {busy}", "wait, or start another agent")


def _have(agents: Sequence[Row]) -> str:
    return "has" if len(agents) == 1 else "have"


def _names(agents: Sequence[Row]) -> str:
    shown = ", ".join(agent["name"] for agent in agents[:5])
    return f"{shown} and {len(agents) - 5} more" if len(agents) > 5 else shown


def _ago(seconds: float | None) -> str:
    value = max(0.0, seconds or 0.0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if value >= 2 * length:
            return f"{value / length:.0f} {unit}"
    return f"{value:.0f} s"
