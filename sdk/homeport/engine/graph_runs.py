"""The body of a graph flow: submit its nodes in dependency order, and judge the flow by its last ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.engine import calls, decisions, maps, states
from homeport.engine import state as results
from homeport.engine.arguments import BadInput, flatten
from homeport.engine.graph import Node
from homeport.engine.state_handlers import handled
from homeport.engine.states import State
from homeport.engine.substitution import substituted
from homeport.futures import Future, FutureList, as_completed
from homeport.parameters import Parameter
from homeport.tasks import Task

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun


def run_graph(run: FlowRun) -> results.State:
    """Run every node; the flow's state, whose result is a dict of each task's state."""
    produced: dict[Task[..., Any], Any] = {}
    left = run.flow.nodes.in_order()
    for node in left:
        node.check()
    while left:
        later = _submit_what_can_be(run, left, produced)
        if len(later) == len(left):
            ready = [node for node in later if all(other in produced for other in node.inputs())]
            next(as_completed([future for node in ready for future in _open_lengths(node, produced)]), None)
        left = later
    found = {task: _ended(task, outcome) for task, outcome in produced.items()}
    reference = run.flow.deciding_tasks()
    return _as_handled(run, _judged(found, reference), {found[task] for task in reference})


def _as_handled(run: FlowRun, state: results.State, deciding: set[results.State]) -> results.State:
    """The state, or the one that the flow's `terminal_state_handler` puts in its place."""
    handler = run.flow.terminal_state_handler
    chosen = None if handler is None else handler(run.flow, state, deciding)
    if chosen is None:
        return state
    if not isinstance(chosen, State):
        raise TypeError(
            f"flow {run.flow.name!r}: its terminal_state_handler returned {chosen!r}. Return a state, such as "
            f"homeport.engine.state.Success(result=state.result), or None to leave the state as it is."
        )
    return results.of(chosen)


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
    values = [value for value in (*node.args, *node.kwargs.values()) if isinstance(value, Task | flatten)]
    return maps.open_inputs([substituted(value, produced.__getitem__) for value in values])


def _submit(run: FlowRun, node: Node, produced: dict[Task[..., Any], Any]) -> Any:
    try:
        return _submitted(run, node, produced)
    except BadInput as error:  # the failure of this node, and of no other
        told = type(error)(f"task {node.task.name!r}: {error}")
        return maps.failed(run, node.task, told, label=node.key)


def _submitted(run: FlowRun, node: Node, produced: dict[Task[..., Any], Any]) -> Any:
    args = tuple(substituted(value, produced.__getitem__) for value in node.args)
    kwargs = {key: substituted(value, produced.__getitem__) for key, value in node.kwargs.items()}
    if not node.mapped:
        behind = [produced[other] for other in node.upstream]
        return calls.submit(run, node.task, args, kwargs, behind, label=node.key)
    whole: list[Any] = []
    by_index: list[FutureList[Any]] = []
    for other, is_by_index in node.upstream.items():
        # A task that is not mapped has no n-th call: it is waited for as a whole, as in 1.x.
        found = produced[other]
        if is_by_index and isinstance(found, FutureList):
            by_index.append(found)
        else:
            whole.append(found)
    _tell_mapped(run, node.task)
    return maps.map_or_fail(run, node.task, args, kwargs, whole, label=node.key, by_index=by_index)


def _tell_mapped(run: FlowRun, task: Task[..., Any]) -> None:
    if task.state_handlers:
        handled(task.state_handlers, task, states.Pending(), results.Mapped("Calls it for each element."), run.log)


def _ended(task: Task[..., Any], outcome: Any) -> results.State:
    if isinstance(outcome, Future):
        outcome.block()
        return results.of(outcome.state)
    if isinstance(outcome, FutureList):
        outcome.wait()
        children = [results.of(future.state) for future in outcome]
        if len(children) == 1 and outcome[0].task_run.map_index is None:
            return children[0]
        return results.mapped(decisions.combined(children, None, [future.name for future in outcome]), children)
    return results.of(states.Completed(data=outcome))


def _judged(found: dict[Task[..., Any], results.State], reference: list[Task[..., Any]]) -> results.State:
    deciding: list[State] = [found[task] for task in reference]
    verdict = decisions.combined(deciding, None, [task.name for task in reference])
    if verdict.is_completed():
        return results.of(states.Completed("All reference tasks succeeded.", data=found))
    if verdict.is_paused():
        held = ", ".join(task.name for task, state in found.items() if isinstance(state, results.Paused))
        return results.of(states.Paused(f"Waits for somebody to say that it may go on: {held}.", data=found))
    failed = [task for task in reference if not found[task].is_completed()]
    names = ", ".join(task.name for task in failed[:5]) + (", …" if len(failed) > 5 else "")
    why = verdict.message
    if all(isinstance(found[task], results.TriggerFailed) for task in failed):
        why = next(filter(None, map(_own_fault, found, found.values())), why)
    return results.of(states.Failed(f"Some reference tasks failed: {names}. {why}", data=found))


def _own_fault(task: Task[..., Any], state: results.State) -> str | None:
    """Why the task failed, if it was not because another had: that is what somebody must mend."""
    if state.is_completed() or isinstance(state, results.TriggerFailed):
        return None
    return f"The cause is {task.name}: {state.message or state.name}"
