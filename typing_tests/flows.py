"""What `@flow` makes of a function, and what secrets and tests return."""

from typing import Any, assert_type

from homeport import Flow, flow
from homeport.engine.states import State
from homeport.secrets import Secret, SecretValue, resolve
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


async def calls() -> None:
    assert_type(await later(1), str)


assert_type(orders("monday"), list[int])
assert_type(orders("monday", pages=3), list[int])
assert_type(orders("monday", return_state=True), State)
assert_type(orders.run(day="monday"), State)
assert_type(orders.with_options(name="other")("monday"), list[int])
assert_type(orders.validate_parameters({"day": "x"}), dict[str, Any])
assert_type(orders.version, str | None)
assert_type(try_run(orders, day="monday"), TriedRun)
assert_type(Secret("NAME").value(), SecretValue)
assert_type(resolve("env:NAME"), SecretValue)
with homeport_test_harness(secrets={"NAME": "x"}) as harness:
    assert_type(harness, Harness)
flow(retries="3")  # type: ignore[call-overload]
