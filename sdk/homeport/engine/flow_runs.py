"""One flow run: its steps, and the task runs it has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from homeport.engine import current, decisions, log_lines, states
from homeport.engine.arguments import BadInput, find_futures, resolve
from homeport.engine.cancellation import RunCancelled, requests
from homeport.engine.decisions import Retry
from homeport.engine.drivers import Call, Pause, Settle, Steps, drive
from homeport.engine.hooks import call_hooks
from homeport.engine.masking import masked, masked_state
from homeport.engine.name_templates import name_from
from homeport.engine.parameters import ParameterError
from homeport.engine.pauses import SuspendRun
from homeport.engine.places import Places
from homeport.engine.prints import Capture
from homeport.engine.state_handlers import handled, outcome_after
from homeport.engine.states import State, StateType
from homeport.engine.stories import story
from homeport.engine.task_runs import PENDING, TaskRun, cancelled, ended_by

if TYPE_CHECKING:
    from homeport.engine.name_templates import NameTemplate
    from homeport.engine.reporting import Reporter
    from homeport.engine.run import FlowRunInfo
    from homeport.flows import Flow
    from homeport.futures import Future
    from homeport.results.options import ResultOptions
    from homeport.tasks import Task

STOP_SECONDS = 5.0
"""How long a stopped run waits for its tasks; less than the grace that its process gets."""


class FlowRun:
    """One execution of a flow, or of a subflow (then it has a parent, to which it looks like a task run)."""

    asks: Callable[[str, Mapping[str, Any], float], dict[str, Any]] | None = None
    """How its code asks the control plane, in a worker of a run that this knows; None: this process does it itself."""
    recorded_as: UUID | None = None
    """Of a run in a worker: the id under which the control plane knows the run that it belongs to."""

    def __init__(
        self,
        flow: Flow,
        info: FlowRunInfo,
        reporter: Reporter,
        *,
        parent: FlowRun | None = None,
        is_local: bool = False,
    ) -> None:
        self.flow, self.info, self.reporter, self.parent, self.is_local = flow, info, reporter, parent, is_local
        self.is_async = flow.is_async
        self.stop = threading.Event()
        self.live: dict[TaskRun, None] = {}
        self.children: set[FlowRun] = set()
        self.run_count = 0
        self.tags = current.tag_set.get()
        self.parameters: dict[str, Any] = {}
        self.final: State | None = None
        self._state: State = PENDING
        self._caller: TaskRun | None = None
        self.places = Places(flow)
        self.keeps: ResultOptions | None = (
            flow.results if parent is None or flow.results is None else flow.results.under(parent.keeps)
        )
        if parent is not None and self.keeps is None:
            self.keeps = parent.keeps
        self.has_unread = False
        # Which run below the root this is, in each of the root's attempts.
        self.identity: str = "" if parent is None else f"{parent.identity}/{info.name}"
        self._names: dict[str, int] = {}
        self._counting = threading.Lock()
        self._submitted = 0
        self._bad: list[tuple[str, State]] = []

    @property
    def id(self) -> UUID:
        """The id of this run."""
        return self.info.id

    @property
    def name(self) -> str:
        """The name of this run."""
        return self.info.name

    @property
    def state(self) -> State:
        """The state now."""
        return self.final or self._state

    @property
    def root(self) -> FlowRun:
        """The run that is not a subflow's: this, or the one that this belongs to."""
        return self if self.parent is None else self.parent.root

    @property
    def task_run_id(self) -> UUID | None:
        """For a subflow, the id under which its parent shows it."""
        return None if self.parent is None else self.info.id

    @property
    def inside_task(self) -> bool:
        """Whether a task called this subflow, or one around it."""
        return self.parent is not None and (self._caller is not None or self.parent.inside_task)

    @property
    def again(self) -> bool:
        """Whether an earlier attempt of this run may have left results."""
        return self.run_count > 1 or self.info.attempt_number > 1 or (self.parent is not None and self.parent.again)

    # The run itself.

    def steps(self, parameters: dict[str, Any]) -> Steps:
        """Everything that happens, ending in the final state; a RunCancelled or the like is recorded and handed on."""
        with self._standing_here():
            try:
                calls = self._calls(parameters) if self.flow.results is None else self._kept_calls(parameters)
                final = self._finish((yield from calls))
                yield from self._call_hooks(final)
                return final
            except GeneratorExit:
                raise
            except BaseException as error:
                if self.final is not None:  # stopped in its hooks: it has ended all the same
                    raise
                final = ended_by(error)
                if isinstance(error, Exception):
                    self.log("ERROR", f"The run ended by an error:\n{story(error)}")
                self.stop_tasks(final.message)
                yield Settle([task_run.future for task_run in list(self.live)], STOP_SECONDS)
                for task_run in list(self.live):
                    task_run.finish(states.Cancelled(f"{final.message} It had not stopped {STOP_SECONDS:g} s later."))
                self._finish(final)
                yield from self._call_hooks(final)
                raise

    def _kept_calls(self, parameters: dict[str, Any]) -> Steps:
        """The same for a flow that says where results are kept."""
        from homeport.engine.keeping import of_flow_run

        keeper = of_flow_run(self)
        if keeper is None:
            return (yield from self._calls(parameters))
        found = yield from keeper.look_up(parameters)
        if found is not None:
            return found
        outcome = yield from self._calls(parameters)
        return (yield from keeper.keep(outcome))

    def _calls(self, parameters: dict[str, Any]) -> Steps:
        try:
            self.places.use(self.flow.task_runner)
            self.parameters = self.flow.all_parameters(self.flow.validate_parameters(parameters))
            if self.flow.flow_run_name is not None:
                self._take_name(self.flow.flow_run_name)
        except ParameterError as error:
            self._begin()
            self.log("ERROR", str(error))
            return states.Failed(str(error), data=error)
        except Exception as error:
            self._begin()
            self.log("ERROR", f"The flow could not start:\n{story(error)}")
            return decisions.failure(error)
        self._begin()
        if self.flow.state_handlers:
            chosen = handled(self.flow.state_handlers, self.flow, PENDING, self._state, self.log)
            if chosen.type is not StateType.RUNNING:
                return _an_end(chosen)
        yield from self._call_hooks(self._state)
        while True:
            self.run_count += 1
            outcome = yield from self._one_call()
            if self.flow.state_handlers:
                outcome = outcome_after(self.flow.state_handlers, self.flow, self._state, outcome, self.log)
            if not isinstance(outcome, Retry):
                return _an_end(outcome)
            self._enter(states.Retrying(outcome.state.message))
            yield Pause(outcome.seconds, self.stop)
            if self.stop.is_set():
                raise RunCancelled()

    def _one_call(self) -> Steps:
        self._submitted, self._bad = 0, []
        self._names.clear()  # a task's place in the run is the same in each attempt
        flow = self.flow
        try:
            before = requests.made
            value = yield Call(flow.body, (self,), {}, flow.timeout_seconds)
            if requests.made != before:  # the flow caught the exception that asked it to stop
                raise RunCancelled()
            yield from self._settle()
            state = self._judge(value)
            return decisions.retry_or(state, flow.retry_policy, self.run_count) if state.is_failed() else state
        except SuspendRun as error:
            yield from self._settle()
            if self.parent is not None:  # the run around it ends too, and its next attempt comes here again
                raise
            return states.Paused(str(error), name="Suspended")
        except BaseException as error:
            if decisions.is_stop(error):
                raise
            outcome = decisions.after_exception(error, flow.retry_policy, self.run_count)
            if not isinstance(outcome, State) or outcome.is_failed():
                self.log("ERROR", f"The flow raised an exception:\n{story(error)}")
            # Whoever raises what no `except Exception` catches wants an end: not to wait for all tasks without limit.
            ends_now = not isinstance(error, Exception)
            if ends_now:
                self._stop_late_tasks(decisions.failure(error).message)
            yield from self._settle(STOP_SECONDS if ends_now else None)
            return outcome

    def _settle(self, timeout: float | None = None) -> Steps:
        while self.live:
            yield Settle([task_run.future for task_run in list(self.live)], timeout)
            if timeout is not None:
                for task_run in list(self.live):
                    task_run.finish(states.Cancelled("The flow around it had ended."))

    def _stop_late_tasks(self, reason: str) -> None:
        self.stop_tasks(reason)
        self.stop = threading.Event()

    def _judge(self, value: Any) -> State:
        """The flow's final state: what it returned, or, where it returned nothing, how its submitted tasks ended."""
        if isinstance(value, State):
            return value
        if value is None:
            if self._bad:
                bad = [state for _, state in self._bad]
                others = [_DONE] * (self._submitted - len(bad))
                return decisions.combined([*bad, *others], None, [name for name, _ in self._bad])
            return states.Completed()
        found: dict[Future[Any], bool] = {}
        find_futures(value, found)
        if found:
            try:
                value = resolve(value)
            except BadInput as error:
                raise type(error)(f"flow {self.flow.name!r}, in what it returns: {error}") from None
            names = [future.name for future in found]
            return decisions.combined([future.state for future in found], value, names)
        return decisions.combined(_states_in(value), value)

    def _finish(self, state: State) -> State:
        if self.parent is not None:
            self.parent.children.discard(self)
        self._begin()
        state = masked_state(state)
        level = "INFO" if state.is_completed() else "ERROR" if state.is_failed() or state.is_crashed() else "WARNING"
        told = states.shown(state)
        self.log(level, f"Finished in state {told}" if state.is_final() else f"Stopped in state {told}")
        self._enter(state)
        self.final = state
        return state

    def abandoned(self, error: RunCancelled) -> State:
        """The end of a run whose steps were torn between two of them: everything that is left is cancelled."""
        self.stop_tasks(error.reason)
        for task_run in list(self.live):
            task_run.finish(cancelled(error))
        state = self._finish(cancelled(error))
        drive(self._call_hooks(state))
        return state

    def _call_hooks(self, state: State) -> Steps:
        if self.flow.hooks is not None:
            yield from call_hooks(self.flow.hooks.after(state), self.flow, self, state, self.log)

    def _take_name(self, template: NameTemplate) -> None:
        def context() -> dict[str, Any]:
            from homeport import context

            return context.to_dict()

        values = self.parameters
        name = masked(name_from(template, values, context, of=f"flow {self.flow.name!r}"))
        self.info = replace(self.info, name=name)
        if self.parent is None:
            self.reporter.run_name(name)

    def _begin(self) -> None:
        """From here on the run is running; a subflow is told of under its parent."""
        if self._state is not PENDING:
            return
        self._state = states.Running()
        if self.parent is None:
            return
        self.reporter.task_run(
            self.info.id,
            name=self.info.name,
            task_key=self.flow.name,
            map_index=None,
            upstream=(),
            parent=self._caller.id if self._caller is not None else self.parent.task_run_id,
            tags=self.tags,
        )
        self.reporter.task_state(self.info.id, self._state, run_count=self.run_count)

    def _enter(self, state: State) -> None:
        self._state = state = masked_state(state)
        if self.parent is None:
            self.reporter.run_state(state)
        else:
            self.reporter.task_state(self.info.id, state, run_count=self.run_count)

    @contextmanager
    def _standing_here(self) -> Iterator[None]:
        outer_task_run = current.task_run.get()
        if self.parent is None:
            log_lines.begin(self)
        else:
            self.parent.children.add(self)
            self._caller = outer_task_run
        tokens = (current.flow_run.set(self), current.task_run.set(None), current.building.set(None))
        capture = Capture(self, self.task_run_id) if self.flow.log_prints else None
        if capture is not None:
            capture.begin()
        try:
            yield
        finally:
            if capture is not None:
                capture.end()
            current.flow_run.reset(tokens[0])
            current.task_run.reset(tokens[1])
            current.building.reset(tokens[2])
            self.places.close()
            if self.parent is None:
                log_lines.end(self)

    # Its tasks.

    def new_task_run(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], **how: Any) -> TaskRun:
        """A task run with the next free name of its task."""
        label = how.pop("label", None)
        if label is not None:
            index = how.get("map_index")
            name = label if index is None else f"{label}[{index}]"
            return TaskRun(self, task, args, kwargs, name=name, key=label, **how)
        key = task.key
        return TaskRun(self, task, args, kwargs, name=f"{task.name}-{self.next_number(key)}", key=key, **how)

    def next_number(self, key: str) -> int:
        """How many runs of this key there were."""
        with self._counting:
            number = self._names.get(key, 0)
            self._names[key] = number + 1
        return number

    def count(self, task_run: TaskRun, state: State) -> None:
        """A task run has ended: those that were submitted decide how a flow ends that returns nothing."""
        if task_run.direct:
            return
        with self._counting:
            self._submitted += 1
        if state.type is not StateType.COMPLETED:
            self._bad.append((task_run.name, state))

    def stop_tasks(self, reason: str) -> None:
        """Stop everything that has not ended, in subflows too."""
        self.stop.set()
        for child in list(self.children):
            child.stop_tasks(reason)
        for task_run in list(self.live):
            task_run.cancel(reason)

    def capture_of(self, task: Task[..., Any], task_run: UUID) -> Capture | None:
        """What takes the task's prints, as the task says, else as the flow does; None leaves them alone."""
        if self.flow.log_prints if task.log_prints is None else task.log_prints:
            return Capture(self, task_run)
        # A task that wants its prints left alone, in a flow that captures its own.
        return Capture(None, task_run) if self.flow.log_prints else None

    def log(self, level: str, message: str, task_run: UUID | None = None, *, logger: str = "") -> None:
        """A line of the engine's own."""
        logger = logger or (log_lines.FLOW_LOGGER if task_run is None else log_lines.TASK_LOGGER)
        task_run = self.task_run_id if task_run is None else task_run
        at = datetime.now(UTC)
        self.reporter.log(at=at, level=level, logger=logger, message=masked(message), task_run=task_run)


def _an_end(outcome: decisions.Outcome) -> State:
    """The state in which a flow ends; for what only a task can do, one that says so."""
    if isinstance(outcome, decisions.Round):
        return states.Failed("A flow cannot LOOP: only a task can.")
    return outcome.state if isinstance(outcome, decisions.Hold | Retry) else outcome


_DONE = states.Completed()


def _states_in(value: Any) -> list[State]:
    if isinstance(value, list | tuple | set):
        return [item for item in value if isinstance(item, State)]
    return []
