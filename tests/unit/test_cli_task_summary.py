"""What a watch says about a run's tasks at its end."""

from typing import Any

import click

from homeport.cli import task_summary


def a_task_run(key: str, *, index: int | None = None, state: str = "COMPLETED", calls: int = 1) -> dict[str, Any]:
    return {
        "taskKey": key,
        "mapIndex": index,
        "runCount": calls,
        "state": {"type": state},
        "startedAt": "2026-11-21T09:30:00Z",
        "finishedAt": f"2026-11-21T09:30:0{1 + (index or 0)}Z",
    }


def shown(*task_runs: dict[str, Any]) -> list[str]:
    return [" ".join(click.unstyle(line).split()) for line in task_summary.lines(task_runs)]


def test_a_mapped_task_is_one_line_with_its_states_counted_and_its_span() -> None:
    mapped = [a_task_run("transform", index=i, state="FAILED" if i == 2 else "COMPLETED") for i in range(3)]

    assert shown(a_task_run("extract"), *mapped) == [
        "extract completed 1.00s",
        "transform [3] 2 completed, 1 failed 3.00s",
    ]


def test_retries_are_told() -> None:
    assert shown(a_task_run("extract", calls=3)) == ["extract completed (2 retries) 1.00s"]


def test_a_task_name_cannot_move_the_cursor() -> None:
    assert "\x1b" not in shown(a_task_run("evil\x1b[2J"))[0]


def test_a_run_of_very_many_tasks_names_the_first_and_counts_the_rest() -> None:
    lines = shown(*(a_task_run(f"task-{number}") for number in range(100)))

    assert len(lines) == 31
    assert lines[-1] == "... and 70 more tasks"
