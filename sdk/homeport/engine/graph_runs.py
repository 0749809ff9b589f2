"""The body of a graph flow: submit its nodes in dependency order, and judge the flow by its last ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.engine import calls, decisions, states
from homeport.engine import state as results
from homeport.engine.graph import Node, with_results
from homeport.futures import Future, FutureList, as_completed
from homeport.parameters import Parameter
from homeport.tasks import Task

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.engine.states import State


def run_graph(run: FlowRun) -> results.State:
    """Run every node; the flow's state, whose result is a dict of each task's state."""
    produced: dict[Task[..., Any], Any] = {}
    left = run.flow.nodes.in_order()
    while left:
        later = _submit_what_can_be(run, left, produced)
        if len(later) == len(left):
            next(as_completed([future for node in later for future in _open_lengths(node, produced)]), None)
        left = later
    found = {task: _ended(task, outcome) for task, outcome in produced.items()}
    return _judged(found, run.flow.reference_tasks())


def _submit_what_can_be(run: FlowRun, nodes: list[Node], produced: dict[Task[..., Any], Any]) -> list[Node]:
    """Submit nodes; those that are left are maps whose length is not known yet, and what is behind them."""
    later: list[Node] = []
    for node in nodes:
        if isinstance(node.task, Parameter):
            produced[node.task] = run.parameters.get(node.task.name, node.task.default)
        elif any(other not in produced for other in node.inputs()) or _open_lengths(node, produced):
            later.append(node)
        else:
            produced[node.task] = _submit(run, node, produced)
    return later


def _open_lengths(node: Node, produced: dict[Task[..., Any], Any]) -> list[Future[Any]]:
    """The futures that a map has to wait for, before it is known how many calls it makes."""
    if not node.mapped:
        return []
    inputs = [produced.get(value) for value in (*node.args, *node.kwargs.values()) if isinstance(value, Task)]
    return [value for value in inputs if isinstance(value, Future) and not value.done()]


def _submit(run: FlowRun, node: Node, produced: dict[Task[..., Any], Any]) -> Any:
    args, kwargs = with_results(node.args, produced), with_results(node.kwargs, produced)
    behind = [produced[other] for other in node.upstream]
    submit = calls.map_or_fail if node.mapped else calls.submit
    return submit(run, node.task, args, kwargs, behind, label=node.key)


def _ended(task: Task[..., Any], outcome: Any) -> results.State:
    if isinstance(outcome, Future):
        outcome.block()
        return results.of(outcome.state)
    if isinstance(outcome, FutureList):
        outcome.wait()
        children = [results.of(future.state) for future in outcome]
        if len(children) == 1 and outcome[0].task_run.map_index is None:
            return children[0]
        return results.mapped(decisions.combined(children, None), children)
    return results.of(states.Completed(data=outcome))


def _judged(found: dict[Task[..., Any], results.State], reference: list[Task[..., Any]]) -> results.State:
    deciding: list[State] = [found[task] for task in reference]
    verdict = decisions.combined(deciding, None)
    if verdict.is_completed():
        return results.of(states.Completed("All reference tasks succeeded.", data=found))
    if verdict.is_paused():
        held = ", ".join(task.name for task, state in found.items() if isinstance(state, results.Paused))
        return results.of(states.Paused(f"Waits for somebody to say that it may go on: {held}.", data=found))
    failed = [task.name for task in reference if not found[task].is_completed()]
    message = (
        f"Some reference tasks failed: {', '.join(failed[:5])}{', …' if len(failed) > 5 else ''}. {verdict.message}"
    )
    return results.of(states.Failed(message, data=found))
