"""What `@flow` makes of a function, and what secrets and tests return."""

from typing import Any, assert_type

import homeport
from homeport import Flow, context, flow, get_run_logger, tags
from homeport.engine.states import State
from homeport.schedules import CronSchedule
from homeport.secrets import Secret, SecretValue, resolve
from homeport.states import Completed, Failed
from homeport.task_runners import DaskTaskRunner, ProcessTaskRunner
from homeport.testing import Harness, TriedRun, homeport_test_harness, try_run


@flow
def orders(day: str, pages: int = 2) -> list[int]:
    return [pages]


@flow(name="Later", flow_run_name="later-{n}", retries=1, retry_delay_seconds=2, log_prints=True, timeout_seconds=5)
async def later(n: int) -> str:
    return str(n)


def tell(flow: Flow, flow_run: Any, state: State) -> None:
    """A hook."""


@flow(on_completion=[tell], on_failure=[tell], on_cancellation=[tell], on_crashed=[tell], on_running=[tell])
def hooked() -> None:
    """A flow with every hook."""


@orders.on_completion
def added(flow: Flow, flow_run: Any, state: State) -> None:
    """A hook by decorator."""


@flow(task_runner=ProcessTaskRunner(max_workers=2), schedule=CronSchedule("0 9 * * *"), on_lost="retry")
def runs_subflows() -> int:
    with tags("a", "b") as names:
        get_run_logger().info("%s", names)
    with context(secrets={"NAME": "x"}):
        assert_type(context.flow_run_name, str | None)
        assert_type(homeport.context.parameters, dict[str, Any] | None)
        assert_type(context.today, str)
    context.get("logger").info(context["today"])
    context.logger.info("the same")
    return len(orders("monday")) + orders("tuesday", return_state=True).result()[0]


flow(task_runner=DaskTaskRunner)
flow(on_lost="never")  # type: ignore[call-overload]


async def calls() -> None:
    assert_type(await later(1), str)
    assert_type(await later(1, return_state=True), State[str])
    assert_type((await later.with_options(name="other")(1)), str)
    await later("1")  # type: ignore[call-overload]


assert_type(Completed("well done", data=5), State)
Failed(message=5)  # type: ignore[arg-type]
assert_type(orders("monday"), list[int])
assert_type(orders("monday", pages=3), list[int])
assert_type(orders("monday", return_state=True), State[list[int]])
assert_type(orders.run(day="monday"), State[list[int]])
assert_type(orders.run({"day": "monday"}).result(), list[int])
assert_type(later.run(n=1).result(), str)
assert_type(orders.with_options(name="other")("monday"), list[int])
assert_type(orders.validate_parameters({"day": "x"}), dict[str, Any])
orders(5)  # type: ignore[call-overload]
orders()  # type: ignore[call-overload]
orders.nothing()  # type: ignore[attr-defined]
assert_type(orders.version, str | None)
assert_type(runs_subflows(), int)
assert_type(try_run(orders, day="monday"), TriedRun)
assert_type(Secret("NAME").value(), SecretValue)
assert_type(resolve("env:NAME"), SecretValue)
with homeport_test_harness(secrets={"NAME": "x"}) as harness:
    assert_type(harness, Harness)
flow(retries="3")  # type: ignore[call-overload]
