"""What @flow and @task take, and what may be decorated."""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from homeport import flow, task
from homeport.engine.parameters import ParameterError
from homeport.task_runners import SequentialTaskRunner
from homeport.testing import try_run


class Warehouse:
    """Flows and tasks as methods of every kind."""

    def __init__(self, factor):
        self.factor = factor

    @task
    def count(self, number):
        return number * self.factor

    @task
    @classmethod
    def named(cls, number):
        return f"{cls.__name__} {number}"

    @task
    @staticmethod
    def double(number):
        return 2 * number

    @flow
    def stock(self, number: int):
        return [self.count(number), self.count.submit(number).result(), self.count.map([1, 2]).result()]

    @flow
    @classmethod
    def title(cls, number: int = 1):
        return cls.named.submit(number).result()

    @flow
    @staticmethod
    def doubled(number: int = 4):
        return Warehouse.double(number)


def test_tasks_and_flows_can_be_methods_of_every_kind():
    warehouse = Warehouse(3)

    assert warehouse.stock("5") == [15, 15, [3, 6]]
    assert warehouse.title(2) == Warehouse.title(2) == "Warehouse 2"
    assert warehouse.doubled() == Warehouse.doubled(number=4) == 8
    assert (warehouse.count(2), Warehouse.double(2), Warehouse.named(2)) == (6, 4, "Warehouse 2")


@pytest.mark.parametrize("decorate", [task, flow, task(name="named"), flow(name="named")])
def test_a_generator_is_refused_with_a_word_on_what_to_write(decorate):
    def numbers():
        yield 1

    async def later():
        yield 1

    for generator in (numbers, later):
        with pytest.raises(TypeError, match=r"is a generator.*return list"):
            decorate(generator)


def test_the_version_of_a_flow_is_the_hash_of_its_file_unless_given():
    @flow
    def unversioned():
        return 1

    assert unversioned.version == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:32]
    assert unversioned.with_options(version="3").version == "3"
    assert task(version="7")(print).with_options(name="x").version == "7"


OF_FLOWS = {
    "name": "other", "description": "About it.", "version": "5", "flow_run_name": "run-{n}", "retries": 2,
    "retry_delay_seconds": 3, "task_runner": SequentialTaskRunner(), "timeout_seconds": 5, "log_prints": True,
    "validate_parameters": False, "on_running": [print], "on_completion": [print], "on_failure": [print],
    "on_cancellation": [print], "on_crashed": [print],
}  # fmt: skip
OF_TASKS = {
    "name": "other", "description": "About it.", "version": "5", "task_run_name": "run-{n}", "tags": {"a"},
    "retries": 2, "retry_delay_seconds": 3, "retry_jitter_factor": 0.5, "retry_condition_fn": lambda *given: True,
    "timeout_seconds": 5, "log_prints": True, "on_running": [print], "on_completion": [print], "on_failure": [print],
    "viz_return_value": 7,
}  # fmt: skip


@pytest.mark.parametrize("option", OF_FLOWS)
def test_every_option_of_a_flow_can_be_changed_and_is_kept(option):
    changed = flow(lambda n=1: n).with_options(**{option: OF_FLOWS[option]})

    assert value_of(changed, option) == value_of(changed.with_options(), option) == expected(OF_FLOWS[option])


@pytest.mark.parametrize("option", OF_TASKS)
def test_every_option_of_a_task_can_be_changed_and_is_kept(option):
    changed = task(lambda n=1: n).with_options(**{option: OF_TASKS[option]})

    assert value_of(changed, option) == value_of(changed.with_options(), option) == expected(OF_TASKS[option])


def expected(value):
    return tuple(value) if isinstance(value, list) else value


def value_of(made, option):
    if option.startswith("on_"):
        return made.hooks.given[option]
    if option == "validate_parameters":
        return made.should_validate_parameters
    if option.startswith("retr"):
        return {
            "retries": made.retry_policy.retries, "retry_delay_seconds": made.retry_policy.delay,
            "retry_jitter_factor": made.retry_policy.jitter, "retry_condition_fn": made.retry_policy.condition,
        }[option]  # fmt: skip
    return getattr(made, option)


def test_parameters_can_be_validated_without_a_run():
    @flow
    def orders(day: date, pages: int = 2):
        return day

    assert orders.validate_parameters({"day": "2026-01-05"}) == {"day": date(2026, 1, 5)}
    with pytest.raises(ParameterError, match=r"pages: .*given 'many'"):
        orders.validate_parameters({"day": "2026-01-05", "pages": "many"})


class Order(BaseModel):
    number: int
    tags: list[str] = []


@dataclass
class Point:
    x: float
    y: float = 0.0


@pytest.mark.parametrize(
    ("annotation", "given", "expected"),
    [
        (Order, {"number": "3"}, Order(number=3)),
        (list[Order], [{"number": 1}], [Order(number=1)]),
        (Point, {"x": "1.5"}, Point(1.5)),
        (Literal["day", "night"], "day", "day"),
        (Annotated[int, Field(gt=0)], "4", 4),
        (date | None, "2026-01-05", date(2026, 1, 5)),
        (dict[str, set[int]], {"a": ["1", 1]}, {"a": {1}}),
        (Path, "/tmp", Path("/tmp")),
    ],
)
def test_values_become_what_the_annotation_says(annotation, given, expected):
    def takes(value):
        return value

    takes.__annotations__["value"] = annotation

    assert try_run(flow(takes), value=given).state.result() == expected


@pytest.mark.parametrize(
    ("annotation", "given", "message"),
    [
        (Order, {"number": "three"}, r"value\.number: .*valid integer.*given 'three'"),
        (Point, {"y": 1}, r"value\.x: Field required"),
        (Literal["day", "night"], "noon", r"value: Input should be 'day' or 'night' .*given 'noon'"),
        (Annotated[int, Field(gt=0)], -4, r"value: Input should be greater than 0 .*given -4"),
    ],
)
def test_what_does_not_fit_names_the_parameter_what_was_found_and_what_is_wanted(annotation, given, message):
    def takes(value):
        return value

    takes.__annotations__["value"] = annotation
    tried = try_run(flow(takes), value=given)

    assert tried.state.is_failed()
    with pytest.raises(ParameterError, match=message):
        tried.state.result()


@pytest.mark.parametrize("name", ["serve", "deploy", "from_source", "to_deployment"])
def test_what_is_done_in_another_way_here_says_how(name):
    @flow
    def orders():
        return 1

    with pytest.raises(AttributeError, match=f"flow 'orders' has no '{name}': .*homeport register"):
        getattr(orders, name)
    with pytest.raises(AttributeError, match=r"has no 'sevre'\.$"):
        orders.sevre  # noqa: B018


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout_seconds": -1}, r"'orders': timeout_seconds is a number of seconds above 0, .*given -1"),
        ({"timeout_seconds": "soon"}, r"'orders': timeout_seconds is a number of seconds above 0, .*given 'soon'"),
        ({"timeout": timedelta(0)}, r"'orders': timeout_seconds is a number of seconds above 0"),
        ({"trigger": "all_finished"}, r"task 'orders': trigger is a function .*given 'all_finished'"),
        ({"nout": "2"}, r"task 'orders': nout is how many results it has; it was given '2'"),
        (
            {"retries": 1, "retry_on": "ValueError"},
            r"retry_on is an exception class, or a list of them; .*'ValueError'",
        ),
        ({"retries": 1, "retry_on": [ValueError, 5]}, r"retry_on is an exception class, or a list of them"),
        ({"name": 5}, r"The name of a task is a text; it was given 5"),
    ],
)
def test_an_option_of_a_task_that_cannot_be_meant_is_refused_where_it_is_written(options, said):
    with pytest.raises((TypeError, ValueError), match=said):
        task(**{"name": "orders", **options})(lambda: None)
    if options.get("timeout_seconds") == -1:
        with pytest.raises(ValueError, match="flow 'orders': timeout_seconds"):
            flow(name="orders", **options)(lambda: None)
