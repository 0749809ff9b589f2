"""Flows as graphs: in a `with Flow` block, what a task returns has the type of its result, and stands for it."""

from datetime import timedelta
from typing import Any, assert_type

from homeport import Flow, Parameter, Task, apply_map, case, flatten, ifelse, mapped, merge, switch, task, unmapped
from homeport.engine import signals
from homeport.engine.results import LocalResult
from homeport.engine.state import Failed, State, Success
from homeport.futures import FutureList
from homeport.tasks.control_flow import FilterTask
from homeport.tasks.resource_manager import resource_manager
from homeport.triggers import all_failed, any_successful, some_failed
from homeport.utilities.tasks import pause_task


@task(max_retries=3, retry_delay=timedelta(seconds=10), trigger=any_successful, log_stdout=True)
def extract(limit: int) -> list[int]:
    if limit < 0:
        raise signals.SKIP("nothing to do")
    return list(range(limit))


@task(nout=2, trigger=all_failed, result=LocalResult(dir="/srv"), target="{task_name}.pkl")
def split(numbers: list[int]) -> tuple[int, int]:
    return numbers[0], numbers[-1]


@task(trigger=some_failed(at_most=2))
def load(number: int, factor: int = 1) -> int:
    return number * factor


@task
def is_big(number: int) -> bool:
    return number > 5


class Notify(Task):
    """A task as a class."""

    def __init__(self, channel: str, **options: Any) -> None:
        super().__init__(**options)
        self.channel = channel

    def run(self, text: str) -> str:
        self.logger.info("%s: %s", self.channel, text)
        return text


class LocalCluster:
    """Something that is set up and cleaned up."""

    def __init__(self, size: int) -> None:
        self.size = size

    def setup(self) -> str:
        return "address"

    def cleanup(self, address: str) -> None: ...


Cluster = resource_manager(LocalCluster)  # mypy does not look at decorators of classes; pyright does


def changed(task: Task, old: State, new: State) -> State | None:
    return Success("all right") if isinstance(new, Failed) else None


notify = Notify("ops", name="tell", tags=["ops"], state_handlers=[changed])

with Flow("etl", state_handlers=[changed], result=LocalResult()) as flow:
    limit = Parameter("limit", default=5)
    numbers = extract(limit)
    assert_type(numbers, list[int])
    assert_type(extract(limit=limit), list[int])
    first, last = split(numbers, task_args={"name": "halves"})
    assert_type(first, int)
    doubled = load.map(numbers, factor=unmapped(2))
    assert_type(doubled, FutureList[int])
    load(mapped(numbers), factor=2)
    load(flatten([numbers]), upstream_tasks=[doubled])
    some = FilterTask(filter_func=lambda x: x is not None)(doubled)
    with case(is_big(first), True):
        told = notify(text="big")
    small = load(last)
    notify(merge(told, small), upstream_tasks=[small])
    ifelse(is_big(last), told, small)
    switch(first, {"a": told, "b": small})
    apply_map(load, numbers)
    with Cluster(3) as address:
        notify(address)
    pause_task("Look at it")
    flow.set_reference_tasks([small, doubled])
    flow.add_edge(numbers, small)
    flow.set_dependencies(small, upstream_tasks=[numbers], keyword_tasks={"factor": first})
    flow.chain(numbers, small)
    load("5")  # type: ignore[call-overload]

state = flow.run(limit=3)
assert_type(state, State)
assert_type(state.is_successful(), bool)
assert_type(state.result[small], Any)
assert_type(flow.run(parameters={"limit": 3}).message, str)
assert_type(flow.get_tasks(name="extract"), list[Task[..., Any]])
assert_type(flow.register("team", labels=["etl"]), str)
flow.visualize(filename="etl.svg", flow_state=state)
assert_type(flow.serialize(), dict[str, Any])
print(some)
