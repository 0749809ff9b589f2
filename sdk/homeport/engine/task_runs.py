"""One task run, from its arguments to its final state, as steps that a driver performs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from contextvars import Context, copy_context
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from homeport import triggers
from homeport.engine import current, decisions, states
from homeport.engine.approvals import Approval
from homeport.engine.arguments import BadInput, find_futures, is_wrapped, resolve
from homeport.engine.cancellation import RunCancelled
from homeport.engine.decisions import Hold, Outcome, Retry, Round
from homeport.engine.drivers import Call, Io, Pause, Steps, drive, drive_async
from homeport.engine.hooks import Hook, call_hooks
from homeport.engine.ids import new_id
from homeport.engine.masking import masked, masked_state
from homeport.engine.misfits import misfit
from homeport.engine.name_templates import NameTemplateError, name_from
from homeport.engine.pauses import RESUMED, SuspendRun, told
from homeport.engine.state_handlers import handled, outcome_after
from homeport.engine.states import State, StateType
from homeport.engine.stories import story
from homeport.engine.timeouts import raise_in_thread
from homeport.futures import Future

if TYPE_CHECKING:
    from homeport.engine.flow_runs import FlowRun
    from homeport.engine.keeping import Keeper
    from homeport.engine.shared_inputs import SharedInputs
    from homeport.tasks import Task

MOST_UPSTREAM_TOLD = 100
PENDING = states.Pending()
_PAUSES: frozenset[type] = frozenset({Pause, Approval})


class Rounds:
    """What a task run knows that was called again for another reason than a retry: a loop, or somebody's word."""

    __slots__ = ("count", "result", "resumed")

    def __init__(self) -> None:
        self.count, self.result, self.resumed = 1, None, False


class TaskRun:
    """One execution of a task: every call of its function until it has a final state."""

    __slots__ = (
        "_final",
        "_lock",
        "_thread",
        "_untold",
        "args",
        "cancel_async",
        "direct",
        "future",
        "id",
        "identity",
        "kwargs",
        "map_index",
        "name",
        "parent",
        "rounds",
        "run",
        "run_count",
        "shared",
        "state",
        "tags",
        "task",
        "upstream",
    )

    def __init__(
        self,
        run: FlowRun,
        task: Task[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        name: str,
        key: str,
        map_index: int | None = None,
        wait_for: Any = None,
        shared: SharedInputs | None = None,
        direct: bool = False,
    ) -> None:
        self.run, self.task, self.args, self.kwargs = run, task, args, kwargs
        around = current.tag_set.get()
        self.tags = _together(task.tags, around) if around else task.tags
        self.name, self.map_index, self.direct = name, map_index, direct
        self.identity = name  # which run of the task it is, in each attempt of the flow run
        self.id = new_id()
        self.run_count = 0
        self.rounds: Rounds | None = None
        self.shared = shared
        self.state: State = PENDING
        self._final = False
        self._lock = threading.Lock()
        self._thread = 0
        self.cancel_async: Callable[[], object] | None = None
        self.future: Future[Any] = Future(self)
        self.upstream: dict[Future[Any], bool] = {}
        if args:
            find_futures(args, self.upstream)
        if kwargs:
            find_futures(kwargs, self.upstream)
        if wait_for is not None:
            find_futures(wait_for, self.upstream)
        inside = current.task_run.get()
        self.parent: UUID | None = run.task_run_id if inside is None or inside.run is not run else inside.id
        run.live[self] = None
        told = [future.task_run_id for future in list(self.upstream)[:MOST_UPSTREAM_TOLD]]
        if shared is not None:
            told += shared.told
        self._untold: tuple[str, list[UUID]] | None = None
        if task.task_run_name is not None and not self._named():
            self._untold = (key, told)  # named after results that are not there yet: told once they are
            return
        run.reporter.task_run(
            self.id,
            name=self.name,
            task_key=key,
            map_index=map_index,
            upstream=told,
            parent=self.parent,
            tags=self.tags,
        )

    @property
    def flow_run_id(self) -> UUID:
        """The id of the flow run that it belongs to."""
        return self.run.root.info.id

    @property
    def awaited(self) -> bool:
        """Whether user code awaits this run's result: an async task in an async flow."""
        return self.task.is_async and self.run.is_async

    def steps(self) -> Steps:
        """Everything that happens, ending in the final state; a RunCancelled or the like is recorded and handed on."""
        if self._final:
            return self.state
        verdict = self._verdict()
        if verdict is not None and (ended := (yield from self._before_first(verdict))) is not None:
            return ended
        args, kwargs = self.args, self.kwargs
        task, run = self.task, self.run
        if self.upstream or self.map_index is not None or is_wrapped(args) or (kwargs and is_wrapped(kwargs.values())):
            try:
                if run.has_unread:
                    args, kwargs = yield Io(self._inputs_read, args, kwargs)
                else:
                    args, kwargs = resolve(args), resolve(kwargs)
            except Exception as error:
                return (yield from self._end(self._without_inputs(error)))
        if self._untold is not None:
            self._tell_named(args, kwargs)
        calls = 0
        keeper = None
        if task.results is not None or run.keeps is not None:
            keeper = _keeper_of(self)
            if keeper is not None:
                found = yield from keeper.look_up(args, kwargs)
                if found is not None and (ended := (yield from self._before_first(found))) is not None:
                    return ended
        while True:
            if task.state_handlers and (changed := self._entry_changed()) is not None:
                if (ended := (yield from self._go_on(changed))) is not None:
                    return ended
                continue
            self.run_count += 1
            calls += 1
            self._enter(states.Running() if calls == 1 else states.Retrying())
            if task.hooks is not None and self.run_count == 1:
                yield from self._call_hooks(task.hooks.after(self.state))
            outcome = yield from self._called(args, kwargs, calls)
            if keeper is not None and isinstance(outcome, State):
                outcome = yield from keeper.keep(outcome, task.retry_policy, calls)
            if task.state_handlers:
                outcome = outcome_after(task.state_handlers, task, self.state, outcome, self._log)
            if isinstance(outcome, State):
                return self.finish(outcome) if task.hooks is None else (yield from self._end(outcome))
            if (ended := (yield from self._go_on(outcome))) is not None:
                return ended
            if isinstance(outcome, Round):
                calls = 0
            elif isinstance(outcome, Hold):
                calls -= 1  # whoever waited for a person has used up none of its retries

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any], calls: int) -> Generator[Any, Any, Outcome]:
        """What comes of the call of the task's function, which is the `calls`-th; only a stop leaves it raised."""
        task = self.task
        token = current.task_run.set(self)
        capture = self.run.capture_of(task, self.id)
        self._thread = threading.get_ident()
        try:
            if capture is not None:
                capture.begin()
            value = yield Call(task.run, args, kwargs, task.timeout_seconds)
            return decisions.after_return(value, task.retry_policy, calls, (task, self))
        except BaseException as error:
            if type(error) is GeneratorExit and self.future.done():
                raise  # given up by whoever drives it, who has said how it ended
            if decisions.is_stop(error):
                self.finish(cancelled(error))
                raise
            wrong = misfit(task, args, kwargs) if type(error) is TypeError else None
            if wrong is not None:  # no retry would change what it is given
                self._log("ERROR", str(wrong))
                return decisions.failure(wrong)
            outcome = decisions.after_exception(error, task.retry_policy, calls, (task, self))
            self._log_failure(error, outcome)
            return outcome
        finally:
            self._leave_user_code()
            if capture is not None:
                capture.end()
            current.task_run.reset(token)

    def _before_first(self, verdict: State | Hold) -> Steps:
        """What comes of it that the trigger did not simply let it start: its end, or None if it starts all the same."""
        outcome: Outcome = verdict
        if self.task.state_handlers and _is_told(verdict):
            outcome = outcome_after(self.task.state_handlers, self.task, self.state, verdict, self._log)
        return (yield from self._go_on(outcome))

    def _entry_changed(self) -> Outcome | None:
        """What the state handlers want instead of a call of the task; None for the call."""
        chosen = handled(self.task.state_handlers, self.task, self.state, states.Running(), self._log)
        return None if chosen.name == "Running" else decisions.as_outcome(chosen)

    def _go_on(self, outcome: Outcome) -> Steps:
        """Wait for whatever comes before the next call; None then, and the final state where there is none."""
        if isinstance(outcome, State):
            return (yield from self._end(outcome))
        if isinstance(outcome, Hold):
            return (yield from self._held(outcome))
        self._enter(outcome.state)
        if isinstance(outcome, Round):
            rounds = self.rounds = self.rounds or Rounds()
            rounds.count, rounds.result = rounds.count + 1, outcome.result
        else:
            yield Pause(_seconds_until(outcome), self.run.stop)
        if self.run.stop.is_set() or self._final:
            self.finish(states.Cancelled("Cancelled while waiting for a retry."))
            raise RunCancelled()
        return None

    def _held(self, hold: Hold) -> Steps:
        asked = Approval(self, hold.state.message)
        if asked.asks_here:
            self._log("INFO", f"Paused: {hold.state.message}")
        else:
            self._log("INFO", told(asked.question, str(self.run.root.id)))
            self._enter(hold.state)
        if not (yield asked):
            return (yield from self._end(hold.state))
        if self.run.stop.is_set() or self._final:
            self.finish(states.Cancelled("Cancelled while it was paused."))
            raise RunCancelled()
        if not asked.asks_here:
            self._enter(states.Running("Somebody said that it may go on.", name="Resumed"))
        self.rounds = self.rounds or Rounds()
        self.rounds.resumed = True
        return None

    def _inputs_read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with other tasks' results in them, some of them read from storage."""
        return resolve(args), resolve(kwargs)

    def _without_inputs(self, error: Exception) -> State:
        """The end of a task run whose arguments cannot be had: one is no list, has no hash, or cannot be read."""
        if isinstance(error, BadInput):
            error = type(error)(f"task {self.task.name!r}: {error}")
            self._log("ERROR", str(error))
            return states.Failed(str(error), data=error)
        self._log("ERROR", f"An input of the task could not be read: {error}")
        return decisions.failure(error)

    def finish(self, state: State) -> State:
        """Take the final state, unless there is one already: the first stands. Returns the one that stands."""
        if self._claim(state):
            self._release()
        elif self.future.done() is False:
            self._release()  # its hooks have run long enough: nobody waits for them any more
        return self.state

    def _claim(self, state: State) -> bool:
        if state.message:
            state = masked_state(state)
        with self._lock:
            if self._final:
                return False
            self._final = True
            self.state = state
        if self._untold is not None:
            self._tell()
        if state.type is not StateType.PENDING:  # it was not started, and stays what it was told to be
            self.run.reporter.task_state(self.id, state, run_count=self.run_count)
        return True

    def _release(self) -> None:
        self.run.count(self, self.state)
        # What is not needed any more must not live as long as the future.
        self.args, self.kwargs, self.upstream, self.shared = (), {}, {}, None
        self.run.live.pop(self, None)
        self.future.settle(self.state)

    def _end(self, state: State) -> Steps:
        """Take the final state; those who wait for it go on once the task's hooks have run."""
        hooks = self.task.hooks.after(state) if self.task.hooks is not None else ()
        if not hooks:
            return self.finish(state)
        if self._claim(state):
            try:
                yield from self._call_hooks(hooks)
            finally:
                self._release()
        return self.state

    def _call_hooks(self, hooks: tuple[Hook, ...]) -> Steps:
        token = current.task_run.set(self)
        try:
            yield from call_hooks(hooks, self.task, self, self.state, self._log)
        finally:
            current.task_run.reset(token)

    def _log(self, level: str, message: str) -> None:
        self.run.log(level, message, self.id)

    def cancel(self, reason: str) -> None:
        """Stop it from another thread: not started, it ends now; running, its code gets RunCancelled."""
        with self._lock:
            thread = self._thread
            if self._final:
                return
            elsewhere = thread and thread != threading.get_ident()
            if elsewhere and self.cancel_async is None:
                raise_in_thread(thread, RunCancelled)
        if self.cancel_async is not None:
            self.cancel_async()
        elif not elsewhere:
            self.finish(states.Cancelled(reason))

    def start(self) -> None:
        """Begin once everything upstream has ended; returns at once, unless the runner is a sequential one."""
        waiting: list[Future[Any] | SharedInputs] = [future for future in self.upstream if not future.done()]
        if self.shared is not None and not self.shared.done():
            waiting.append(self.shared)
        context = copy_context()
        if not waiting:
            self._place(context)
            return
        left = _Countdown(len(waiting), lambda: self._place_later(context))
        for ending in waiting:
            ending.when_done(left.one_done)

    def _place(self, context: Context) -> None:
        try:
            self.run.places.place(self, context)
        except BaseException as error:
            # Whatever it was (no more threads, a closed loop, a stop): nobody may wait for this task run for ever.
            self.finish(ended_by(error))
            raise

    def _place_later(self, context: Context) -> None:
        if self.run.stop.is_set():
            # What it waited for has been stopped, and so is this: it is no failure of its inputs.
            self.finish(states.Cancelled("The run was cancelled."))
            return
        with contextlib.suppress(
            Exception
        ):  # told by the state already; the thread that ended an input is not at fault
            self._place(context)

    def work(self, context: Context) -> None:
        """Do it in this worker thread; a pause for a retry does not keep the thread."""
        steps = self.steps()

        def go_on(value: Any = None, error: BaseException | None = None) -> None:
            try:
                paused = context.run(drive, steps, until=_PAUSES, value=value, error=error)
            except BaseException as raised:
                # What a task raises is a state. This is a stop of the run, whose owner knows of it.
                self.finish(ended_by(raised))
                return
            if isinstance(paused, Pause):
                self.run.places.threads.later(paused.seconds, go_on)
            elif isinstance(paused, Approval):
                self._ask(paused, go_on)

        go_on()

    def _ask(self, approval: Approval, go_on: Callable[..., None]) -> None:
        """Put the question from this thread, and keep none while nobody has answered."""
        try:
            ticket = None if approval.asks_here else approval.put()
            answer = approval.perform() if approval.asks_here else False
        except BaseException as error:
            go_on(error=error)
            return
        if ticket is None:
            go_on(answer)
            return
        threads = self.run.places.threads
        ticket.when_answered(lambda: threads.submit(lambda: go_on(ticket.outcome == RESUMED)))

    def inputs(self) -> Iterable[Future[Any]]:
        """What has to end before it starts; without what all calls of a map share, once that has ended."""
        shared = self.shared
        return self.upstream if shared is None or shared.done() else {**self.upstream, **shared.futures}

    def here(self) -> State:
        """Do it in this thread, now."""
        for future in self.inputs():
            future.block()
        try:
            drive(self.steps())
        except Exception as error:
            self.finish(decisions.failure(error))  # an error of the engine's own: nobody may wait for ever
            raise
        return self.state

    async def here_async(self) -> State:
        """Do it in this coroutine, now."""
        for future in self.inputs():
            await future.ended()
        try:
            await drive_async(self.steps())
        except Exception as error:
            self.finish(decisions.failure(error))
            raise
        return self.state

    def check_can_block(self) -> None:
        """Refuse a wait that would last for ever: for what runs on the event loop, by the event loop's own thread."""
        if self.run.is_async and self.run.places.in_loop() and self._needs_loop():
            raise RuntimeError(
                f"Waiting here for task run {self.name!r} would block the event loop that has to run it. "
                f"Use `await future.ended()`, or `await future.result()` for an async task."
            )

    def _needs_loop(self) -> bool:
        return (self.task.is_async and not self.run.places.are_elsewhere) or any(
            not future.done() and future.task_run._needs_loop() for future in self.inputs()
        )

    def _verdict(self) -> State | Hold | None:
        strict = {future: future.state for future, matters in self.upstream.items() if matters}
        trigger = self.task.trigger
        if self.shared is not None and not (trigger is triggers.all_successful and self.shared.all_completed):
            strict = {**self.shared.states_for(trigger), **strict}
        if trigger is triggers.all_successful and all(state.name == "Completed" for state in strict.values()):
            return None
        return decisions.start_verdict(trigger, strict, skip_on_upstream_skip=self.task.skip_on_upstream_skip)

    def _named(self) -> bool:
        """Take the name that the task's template gives; False while it has to wait for results."""
        if any(not future.done() for future in self.inputs()):
            return False
        if all(future.state.is_completed() or not matters for future, matters in self.upstream.items()):
            self._take_name(resolve(self.args), resolve(self.kwargs))
        return True

    def _take_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        template = self.task.task_run_name
        assert template is not None
        try:
            values = self.task.bound_arguments(args, kwargs)
            self.name = masked(name_from(template, values, self._more_names, of=f"task {self.task.name!r}"))
        except (NameTemplateError, TypeError) as error:  # a TypeError: arguments that the call will refuse, too
            self.run.log("WARNING", f"{error} The run is named {self.name!r}.")

    def _more_names(self) -> dict[str, Any]:
        from homeport import context

        own = {"task_name": self.task.name, "map_index": self.map_index, "task_run_id": str(self.id)}
        return {**context.to_dict(), **own}

    def _tell_named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._take_name(args, kwargs)
        self._tell()

    def _tell(self) -> None:
        told, self._untold = self._untold, None
        if told is not None:
            key, upstream = told
            self.run.reporter.task_run(
                self.id, name=self.name, task_key=key, map_index=self.map_index, upstream=upstream, parent=self.parent,
                tags=self.tags,
            )  # fmt: skip

    def _enter(self, state: State) -> None:
        if state.message:
            state = masked_state(state)
        self.state = state
        self.run.reporter.task_state(self.id, state, run_count=self.run_count)

    def _leave_user_code(self) -> None:
        with self._lock:
            thread, self._thread = self._thread, 0
        if self.run.stop.is_set() and thread == threading.get_ident():
            raise_in_thread(thread, None)

    def _log_failure(self, error: BaseException, outcome: Outcome) -> None:
        if isinstance(outcome, Round | Hold) or (isinstance(outcome, State) and outcome.type is StateType.COMPLETED):
            return
        text = f"The task raised an exception:\n{story(error)}"
        if isinstance(outcome, Retry):
            text = f"{text}\n{outcome.state.message}"
        self.run.log("WARNING" if isinstance(outcome, Retry) else "ERROR", text, self.id)


def _keeper_of(task_run: TaskRun) -> Keeper | None:
    from homeport.engine.task_keeping import of_task_run  # only flows that keep results load it

    return of_task_run(task_run)


@lru_cache(maxsize=256)
def _together(tags: frozenset[str], around: frozenset[str]) -> frozenset[str]:
    """One set for all runs of a map."""
    return tags | around


class _Countdown:
    """Calls once, when as many futures have ended as were counted."""

    __slots__ = ("_left", "_lock", "_then")

    def __init__(self, left: int, then: Callable[[], None]) -> None:
        self._left, self._then, self._lock = left, then, threading.Lock()

    def one_done(self, ended: Any) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
        self._then()


def _is_told(verdict: State | Hold) -> bool:
    # Waiting for what is paused is no change of state.
    return isinstance(verdict, Hold) or verdict.type is not StateType.PENDING


def _seconds_until(retry: Retry) -> float:
    if retry.start_time is None:
        return retry.seconds
    return max(0.0, (retry.start_time - datetime.now(UTC)).total_seconds())


def ended_by(error: BaseException) -> State:
    """The end of a run that this came out of: a stop cancels it, and of an error of the engine's own it fails."""
    return decisions.failure(error) if isinstance(error, Exception) else cancelled(error)


def cancelled(error: BaseException) -> State:
    """The state of what was stopped by this exception."""
    if isinstance(error, RunCancelled):
        return states.Cancelled(error.reason, data=error)
    if isinstance(error, SuspendRun):
        return states.Cancelled("The run suspends; its next attempt comes here again.", data=error)
    if isinstance(error, KeyboardInterrupt):
        return states.Cancelled("Interrupted from the keyboard.", data=error)
    if isinstance(error, decisions.Abandoned):
        return states.Cancelled("The time of the flow around it was over.", data=error)
    return states.Cancelled("The run was cancelled.", data=error)
