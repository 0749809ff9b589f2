"""Running a flow here at each time of its schedule, as `flow.run(run_on_schedule=True)` does."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.engine.states import State
    from homeport.flows import Flow

LONGEST_WAIT = 60.0
"""In seconds: a machine that slept, or whose clock was set, is noticed after so long."""


def run_on_times(
    flow: Flow,
    values: dict[str, Any],
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], object] = time.sleep,
) -> State:
    """Wait for each time of the flow's schedule and run it then; the state of the last run when the schedule ends.

    A clock's parameter defaults are used for its runs, under the values given. Times that pass during a run are left
    out.
    Raises ValueError without a schedule, or where it has no time left, and ParameterError.
    """
    from homeport.engine import local

    if flow.schedule is None:
        raise ValueError(
            f"flow {flow.name!r} has no schedule to run on: give it one, as schedule=CronSchedule('0 9 * * *'), or "
            "run it without run_on_schedule."
        )
    final: State | None = None
    while due := flow.schedule.next(1, now(), return_events=True):
        parameters = {**due[0].parameter_defaults, **values}
        flow.validate_parameters(parameters)
        while (left := (due[0].moment - now()).total_seconds()) > 0:
            sleep(min(left, LONGEST_WAIT))
        final = local.run(flow, parameters)
    if final is None:
        raise ValueError(f"flow {flow.name!r}: its schedule has no time after {now().isoformat()}; it has ended.")
    return final
