"""What `@task` makes of a function."""

from collections.abc import Coroutine
from typing import Any, assert_type

from homeport import Task, allow_failure, flow, task, unmapped
from homeport.engine.states import State
from homeport.futures import Future, FutureList, as_completed, wait


@task
def double(number: int) -> int:
    return 2 * number


@task(retries=3, retry_delay_seconds=[1, 2], retry_jitter_factor=0.5, task_run_name="halve-{number}", tags=["x"])
def halve(number: int) -> float:
    return number / 2


@task
async def fetch(url: str) -> bytes:
    return url.encode()


def notify(task: Task[..., Any], task_run: Any, state: State) -> None:
    """A hook."""


async def notify_async(task: Task[..., Any], task_run: Any, state: State) -> None:
    """A hook that is awaited."""


def worth_it(task: Task[..., Any], task_run: Any, state: State) -> bool:
    return True


@task(on_completion=[notify], on_failure=[notify, notify_async], retry_condition_fn=worth_it)
def hooked() -> str:
    return ""


@double.on_failure
def added(task: Task[..., Any], task_run: Any, state: State) -> int:
    return 1


assert_type(hooked, Task[[], str])
assert_type(added(double, None, State.__new__(State)), int)
assert_type(double(1), int)
assert_type(double(1, return_state=True), State)
assert_type(halve(1), float)
assert_type(double.submit(1), Future[int])
assert_type(double.submit(1).result(), int)
assert_type(double.submit(1, wait_for=[halve.submit(2)]), Future[int])
assert_type(double.map([1, 2]), FutureList[int])
assert_type(double.map([1, 2], extra=unmapped(3)).result(), list[int])
assert_type(double.with_options(name="other", retries=2)(1), int)
assert_type(double.submit(1).wait(), State | None)
assert_type(double.submit(1).get_state(), State)
assert_type(double.submit(1, return_state=True), State)
assert_type(double.map([1], return_state=True), list[State])
assert_type(unmapped(3), unmapped[int])
assert_type(allow_failure(double.submit(1)), allow_failure[Future[int]])
assert_type(list(as_completed([double.submit(1)])), list[Future[int]])
wait([double.submit(1)])
task(retries="3")  # type: ignore[call-overload]
task(on_failure=5)  # type: ignore[call-overload]


@flow
async def awaits() -> None:
    assert_type(await fetch("x"), bytes)
    assert_type(await fetch.submit("x").result(), bytes)
    assert_type(await fetch.submit("x"), Future[Coroutine[Any, Any, bytes]])
    assert_type(await fetch.with_options(retries=1)("x"), bytes)


class Shop:
    """Tasks and flows as methods."""

    @task
    def count(self, number: int) -> int:
        return number

    @flow
    def stock(self) -> int:
        return 1


class Extract(Task):
    """A task as a class."""

    def run(self, limit: int) -> list[int]:
        return [limit]


assert_type(Extract(name="extract", max_retries=3), Extract)
