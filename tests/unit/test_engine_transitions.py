"""Whatever happens in a run, its task runs only go where the control plane's table lets them."""

import re
from pathlib import Path

import pytest

from homeport import flow, task, triggers
from homeport.engine import signals
from homeport.engine.cancellation import RunCancelled
from homeport.testing import try_run

MIGRATIONS = Path(__file__).parents[2] / "control_plane" / "homeport_control_plane" / "migrations"
TRANSITION = re.compile(r"\('([A-Z]+)', '([A-Z]+)', (?:true|false), true, false\)")


@pytest.fixture(scope="module")
def allowed():
    """The transitions of task runs that stand in the database."""
    text = "".join(path.read_text() for path in sorted(MIGRATIONS.glob("*.sql")))
    found = set(TRANSITION.findall(text))
    assert ("PENDING", "RUNNING") in found
    return found


@task
def fine():
    return 1


@task(retries=1)
def fails():
    raise ValueError


@task
def skips():
    raise signals.SKIP


@task(timeout_seconds=0.01)
def hangs():
    while True:
        pass


@task(trigger=triggers.all_failed)
def after(before=None):
    return 1


@flow
def inner():
    fine()
    fails.submit()


@flow(retries=1)
def everything():
    after.submit(skips.submit())
    after.submit(fails.submit())
    after.submit(fine.submit())
    hangs.submit()
    inner(return_state=True)


@flow
def stopped():
    fails.with_options(retry_delay_seconds=60).submit()
    after.submit(hangs.with_options(timeout_seconds=None).submit())
    raise RunCancelled


@pytest.mark.parametrize("program", [everything, stopped])
def test_task_runs_only_take_transitions_that_the_control_plane_accepts(program, allowed):
    tried = try_run(program)

    taken = {
        (before.type.value if before else "PENDING", state.type.value)
        for kept in tried.reported.task_runs.values()
        for before, state in zip([None, *kept.states], kept.states, strict=False)
    }
    assert taken <= allowed
    assert len(taken) >= 3
    assert all(kept.state is not None and kept.state.is_final() for kept in tried.reported.task_runs.values())
