"""The body of a graph flow: submit its nodes in dependency order, and judge the flow by its last ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.engine import calls, decisions, states
from homeport.engine import state as results
from homeport.engine.graph import Node, with_results
from homeport.futures import Future, FutureList
from homeport.parameters import Parameter

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.engine.states import State
    from homeport.tasks import Task


def run_graph(run: FlowRun) -> results.State:
    """Run every node; the flow's state, whose result is a dict of each task's state."""
    graph = run.flow.nodes
    produced: dict[Task[..., Any], Any] = {}
    for node in graph.in_order():
        if isinstance(node.task, Parameter):
            produced[node.task] = run.parameters.get(node.task.name, node.task.default)
        else:
            produced[node.task] = _submit(run, node, produced)
    found = {task: _ended(task, outcome) for task, outcome in produced.items()}
    return _judged(found, run.flow.reference_tasks())


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
    failed = [task.name for task in reference if not found[task].is_completed()]
    message = (
        f"Some reference tasks failed: {', '.join(failed[:5])}{', …' if len(failed) > 5 else ''}. {verdict.message}"
    )
    return results.of(states.Failed(message, data=found))
