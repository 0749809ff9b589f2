"""Branches of a graph: `case`, `switch`, `ifelse` and `merge`, and `FilterTask` for what came of a map.

A branch that is not taken is skipped, and so is what is behind it, up to a `merge`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from homeport import triggers
from homeport.engine import current
from homeport.engine.signals import SKIP
from homeport.tasks.task_class import Task

if TYPE_CHECKING:
    from homeport.flows import Flow
    from homeport.flows.building import Made

    AnyTask = Task[..., Any]

__all__ = ["CompareValue", "FilterTask", "Merge", "case", "ifelse", "merge", "switch"]


class CompareValue(Task[..., Any]):
    """Done if what it gets equals a value; else skipped, with all that is behind it."""

    def __init__(self, value: Any, **options: Any) -> None:
        self.value = value
        super().__init__(**{"name": f"CompareValue: {str(value)[:40]!r}", "log_prints": False, **options})

    def run(self, value: Any) -> None:
        """Raises SKIP where it is another value."""
        if value != self.value:
            raise SKIP(f"{value!r} is not {self.value!r}.")


class Truth(Task[..., Any]):
    """Whether something counts as true."""

    def run(self, value: Any) -> bool:
        """True or False."""
        return bool(value)


class Merge(Task[..., Any]):
    """The result of the branch that was taken."""

    def __init__(self, **options: Any) -> None:
        given = {"skip_on_upstream_skip": False, "trigger": triggers.not_all_skipped, **options}
        super().__init__(**given)

    def run(self, **results: Any) -> Any:
        """The first that is not None."""
        return next((result for _, result in sorted(results.items()) if result is not None), None)


class case:  # noqa: N801 - the name that users type, from 1.x on
    """`with case(task, value):` - the tasks made in the block run only if the task's result equals the value.

    Raises TypeError for what is no task, ValueError where no flow is being built.
    """

    def __init__(self, task: Made, value: Any) -> None:
        if isinstance(value, Task):
            raise TypeError(
                f"case({_name(task)}, ...) compares a result with a value; it was given the task {value.name!r}. "
                f"Compare two results by {_name(task)}.is_equal({value.name}), and write case(that, True)."
            )
        if not isinstance(task, Task):
            raise TypeError(f"case(...) looks at the result of a task; it was given {task!r}.")
        self.task, self.value = task, value

    def __enter__(self) -> Self:
        flow = current.building.get()
        if flow is None:
            raise ValueError("case(...) belongs in a `with Flow(...)` block.")
        self._flow = flow
        flow.nodes.add(self.task)
        self._before = len(flow.nodes.nodes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            made = dict.fromkeys(list(self._flow.nodes.nodes)[self._before :])
            first = [task for task in made if _is_first(self._flow, task, made)]
            if first:
                condition = CompareValue(self.value).bind(self.task, flow=self._flow)
                for task in first:
                    self._flow.add_edge(condition, task)


def switch(condition: Made, cases: Mapping[Any, Made], mapped: bool = False) -> None:
    """Run the task whose key equals the result of the condition; the others are skipped.

    Raises TypeError for a case that is no task, ValueError where no flow is being built.
    """
    flow = _building("switch")
    for value, task in cases.items():
        if not isinstance(task, Task):
            raise TypeError(f"switch(...): the case {value!r} is no task but {task!r}. Call the task: my_task().")
        compared = CompareValue(value).bind(condition, mapped=mapped, flow=flow)
        flow.add_edge(compared, task, mapped=mapped)


def ifelse(condition: Made, true_task: Made | None, false_task: Made | None, mapped: bool = False) -> None:
    """Run one task if the condition's result counts as true, and the other if not; None for nothing to run."""
    truth = Truth().bind(condition, mapped=mapped, flow=_building("ifelse"))
    cases = {True: true_task, False: false_task}
    switch(truth, {value: task for value, task in cases.items() if task is not None}, mapped=mapped)


def merge(*tasks: Made, flow: Flow | None = None, mapped: bool = False, **options: Any) -> Made:
    """A task whose result is that of the branch that was taken: the first of these that is not None.

    It is skipped if all were. With `mapped`, it merges maps call by call. Raises ValueError without tasks, and where no
    flow is being built.
    """
    if not tasks:
        raise ValueError("merge(...) takes the last task of each branch; it was given none.")
    named = {f"task_{number:0{len(str(len(tasks)))}}": task for number, task in enumerate(tasks, 1)}
    return Merge(**options).bind(**named, mapped=mapped, flow=flow or _building("merge"))


class FilterTask(Task[..., Any]):
    """The list without what does not count: by default without exceptions (of calls that failed) and without None.

    It runs however the calls before it ended. `filter_func` says of a result whether it stays, and `log_func` makes a
    log line of what does not.
    """

    def __init__(
        self,
        filter_func: Callable[[Any], bool] | None = None,
        log_func: Callable[[Any], str] | None = None,
        **options: Any,
    ) -> None:
        self.filter_func = filter_func or _counts
        self.log_func = log_func
        super().__init__(**{"skip_on_upstream_skip": False, "trigger": triggers.all_finished, **options})

    def run(self, task_results: Iterable[Any]) -> list[Any]:
        """What stays, in order."""
        kept = []
        for result in task_results:
            if self.filter_func(result):
                kept.append(result)
            elif self.log_func is not None:
                self.logger.info(self.log_func(result))
        return kept


def _counts(result: Any) -> bool:
    return result is not None and not isinstance(result, BaseException)


def _is_first(flow: Flow, task: AnyTask, made: dict[AnyTask, None]) -> bool:
    from homeport.parameters import Parameter

    return not isinstance(task, Parameter) and not any(other in made for other in flow.nodes.nodes[task].inputs())


def _building(what: str) -> Flow:
    flow = current.building.get()
    if flow is None:
        raise ValueError(f"{what}(...) belongs in a `with Flow(...)` block.")
    return flow


def _name(task: object) -> str:
    return str(getattr(task, "name", task))
