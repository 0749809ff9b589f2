"""A run's task runs as people think of them: one line a task, a mapped one with its count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from homeport.cli import states, text, times

MOST_TASKS = 30


def lines(task_runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """`transform [12]  11 completed, 1 failed  4.10s`, one for each task."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for task_run in task_runs:
        groups.setdefault(task_run["taskKey"], []).append(task_run)
    rows = [(_name(key, group), _states(group), _span(group)) for key, group in list(groups.items())[:MOST_TASKS]]
    widest_name = max((text.width(name) for name, _, _ in rows), default=0)
    widest_states = max((text.width(click.unstyle(what)) for _, what, _ in rows), default=0)
    shown = [
        f"{name}{' ' * (widest_name - text.width(name))}  "
        f"{what}{' ' * (widest_states - text.width(click.unstyle(what)))}  {span}".rstrip()
        for name, what, span in rows
    ]
    left_out = len(groups) - len(rows)
    return [*shown, f"... and {left_out} more tasks"] if left_out else shown


def _name(key: str, group: Sequence[Mapping[str, Any]]) -> str:
    mapped = any(task_run["mapIndex"] is not None for task_run in group)
    return text.one_line(key) + (f" [{len(group)}]" if mapped or len(group) > 1 else "")


def _states(group: Sequence[Mapping[str, Any]]) -> str:
    """The states with their counts, and how many calls beyond the first it took."""
    counts = Counter(task_run["state"]["type"] for task_run in group)
    told = [
        click.style(f"{count} {kind.lower()}" if len(group) > 1 else kind.lower(), fg=states.colour({"type": kind}))
        for kind, count in counts.most_common()
    ]
    retries = sum(max(0, task_run["runCount"] - 1) for task_run in group)
    return ", ".join(told) + (f" ({retries} {'retry' if retries == 1 else 'retries'})" if retries else "")


def _span(group: Sequence[Mapping[str, Any]]) -> str:
    """From the first start to the last end."""
    starts = [task_run["startedAt"] for task_run in group if task_run["startedAt"]]
    ends = [task_run["finishedAt"] for task_run in group if task_run["finishedAt"]]
    return times.between(min(starts), max(ends)) if starts and ends else ""
