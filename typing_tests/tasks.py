"""What `@task` makes of a function."""

import asyncio
from collections.abc import Coroutine
from typing import Any, assert_type

from homeport import Task, allow_failure, flow, task, unmapped
from homeport.engine.states import State
from homeport.futures import Future, FutureList, as_completed, wait
from homeport.tasks import FunctionTask


@task
def double(number: int) -> int:
    return 2 * number


@task(retries=3, retry_delay_seconds=[1, 2], retry_jitter_factor=0.5, task_run_name="halve-{number}", tags=["x"])
def halve(number: int) -> float:
    return number / 2


@task
async def fetch(url: str) -> bytes:
    return url.encode()


@task(retries=1)
async def poll(url: str) -> bytes:
    return url.encode()


@task
def untyped(number: int) -> Any:
    return number


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


assert_type(hooked, FunctionTask[[], str])
assert_type(added(double, None, State.__new__(State)), int)
assert_type(double(1), int)
assert_type(double(1, return_state=True), State[int])
assert_type(double(1, return_state=True).result(), int)
assert_type(double(1, return_state=True).result(raise_on_failure=False), int | BaseException)
assert_type(halve(1), float)
assert_type(double.submit(1), Future[int])
assert_type(double.submit(1).result(), int)
assert_type(double.submit(1, wait_for=[halve.submit(2)]), Future[int])
assert_type(double.map([1, 2]), FutureList[int])
assert_type(double.map([1, 2], extra=unmapped(3)).result(), list[int])
assert_type(double.with_options(name="other", retries=2)(1), int)
assert_type(double.submit(1).wait(), State[int])
assert_type(double.submit(1).wait(5), State[int] | None)
assert_type(double.submit(1).result(timeout=1, raise_on_failure=False), int | BaseException)
assert_type(double.submit(1).get_state(), State[int])
assert_type(double.submit(1, return_state=True), State[int])
assert_type(double.map([1], return_state=True), list[State[int]])
assert_type(unmapped(3), unmapped[int])
assert_type(allow_failure(double.submit(1)), allow_failure[Future[int]])
assert_type(list(as_completed([double.submit(1)])), list[Future[int]])
wait([double.submit(1)])
# What a call is given is checked; what stands for a value is taken for it.
double("1")  # type: ignore[call-overload]
double()  # type: ignore[call-overload]
double(1, 2)  # type: ignore[call-overload]
halve(numbr=1)  # type: ignore[call-overload]
assert_type(double(double.submit(1)), int)
assert_type(double(number=allow_failure(double.submit(1))), int)
assert_type(double(1, wait_for=[halve.submit(2)]), int)
wrong: int = double.submit(1)  # type: ignore[assignment]
double.nothing()  # type: ignore[attr-defined]

task(retries="3")  # type: ignore[call-overload]
task(on_failure=5)  # type: ignore[call-overload]


@flow
async def awaits() -> None:
    assert_type(await fetch("x"), bytes)
    assert_type(await fetch.submit("x").result(), bytes)
    assert_type(await fetch.submit("x"), Future[Coroutine[Any, Any, bytes]])
    assert_type(await fetch.with_options(retries=1)("x"), bytes)
    assert_type(await fetch.submit("x").result(raise_on_failure=False), bytes | BaseException)
    assert_type(await fetch.submit("x").wait(), State[bytes])
    assert_type(await fetch.submit("x").wait(timeout=5), State[bytes] | None)
    assert_type(await fetch("x", return_state=True), State[bytes])
    assert_type(await fetch.submit("x", return_state=True), State[bytes])
    assert_type(await fetch.map(["x"]).result(), list[bytes])
    assert_type(await fetch.map(["x"], return_state=True), list[State[bytes]])
    assert_type(await poll("x"), bytes)
    assert_type(await poll("x", return_state=True), State[bytes])
    assert_type(await asyncio.gather(fetch("x"), fetch("y")), tuple[bytes, bytes])
    await fetch.map(["x"]).wait()
    await fetch(5)  # type: ignore[call-overload]


class Shop:
    """Tasks and flows as methods."""

    @task
    def count(self, number: int) -> int:
        return number

    @flow
    def stock(self, day: str) -> int:
        return self.count(1)

    @staticmethod
    @task
    def price(number: int) -> float:
        return number * 1.0

    @task
    @staticmethod
    def tax(number: int) -> float:
        return number * 0.1

    @task
    @classmethod
    def named(cls, name: str) -> str:
        return f"{cls.__name__} {name}"


class Extract(Task):
    """A task as a class."""

    def run(self, limit: int) -> list[int]:
        return [limit]


extract = Extract("extract")
assert_type(Shop().count(1), int)
assert_type(Shop().count.submit(1), Future[int])
assert_type(Shop().stock("monday"), int)
assert_type(Shop().stock("monday", return_state=True).result(), int)
assert_type(Shop.count(Shop(), 1), int)
assert_type(Shop.price(1), float)
assert_type(Shop.tax(1), float)
assert_type(Shop().named("corner"), str)
Shop.tax("1")  # type: ignore[call-overload]
Shop().named(1)  # type: ignore[call-overload]
Shop().count("1")  # type: ignore[call-overload]
Shop().stock(1)  # type: ignore[call-overload]
assert_type(extract(limit=3), Any)
assert_type(extract.submit(3).result(), Any)
assert_type(extract.submit(3, return_state=True), Any)
assert_type(untyped(1), Any)
assert_type(untyped.submit(1).result(), Any)
assert_type(untyped.map([1]).result(), Any)
untyped.submit(1).result().lower()
assert_type(untyped(1, return_state=True), Any)
assert_type(task(abs, name="absolute").name, str)
assert_type(Extract(name="extract", max_retries=3), Extract)
