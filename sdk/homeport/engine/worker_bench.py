"""Where a worker makes the calls that it was sent: in the scene of their run, with their lines sent home."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from homeport.engine import current, log_lines, masking, signals, states
from homeport.engine.asking_home import Ask, ask_by, nobody
from homeport.engine.cancellation import RunCancelled
from homeport.engine.drivers import Call
from homeport.engine.flow_runs import FlowRun
from homeport.engine.outgoing import Outgoing, TooLarge
from homeport.engine.parcels import Marker, Parcel, Scene, Who
from homeport.engine.pickling import context_variable, culprit, dump, dumps, function_at, loads, travels_as_it_is
from homeport.engine.prints import Capture
from homeport.engine.states import State
from homeport.engine.stories import story
from homeport.engine.task_runs import Rounds
from homeport.engine.worker_errors import Oversized, RemoteError, Unsendable

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from homeport.stored_artifacts import Content
    from homeport.tasks import Task

Event = tuple[str, dict[str, Any]]
"""Something that a call told its reporter: the method, and what it was given."""

BEGUN = "begun"
"""The event of a call with a timeout whose function and arguments are there: from now on its time counts."""
VALUE, PICKLED, ERROR, IN_PIECES = 0, 1, 2, 3
Outcome = tuple[int, Any]
"""How a call ended: VALUE and the value, PICKLED and its bytes (IN_PIECES: the last of them), or ERROR and the bytes of
(exception, story)."""

LONGEST_STORY = 1_000_000
"""Characters of a traceback, and of an exception's text, that travel."""
KEPT_WARES = 128
KEPT_SCENES = 8
RUNNING = states.Running()


class Home:
    """The reporter of a worker: everything told goes home, through `send`. Results do not: they stay here."""

    is_in_worker = True

    def __init__(self, send: Callable[[Event], None]) -> None:
        self.send = send

    def task_run(
        self,
        id: UUID,
        *,
        name: str,
        task_key: str,
        map_index: int | None,
        upstream: Sequence[UUID],
        parent: UUID | None,
        tags: Collection[str] = (),
    ) -> None:
        """A task run that a task called."""
        told = {"name": name, "task_key": task_key, "map_index": map_index, "upstream": upstream, "parent": parent}
        self.send(("task_run", {"id": id, **told, "tags": tags}))

    def task_state(self, task_run: UUID, state: State, *, run_count: int) -> None:
        """A state of one."""
        bare = State(state.type, state.name, state.message, state.at, None, state.result_reference)
        self.send(("task_state", {"task_run": task_run, "state": bare, "run_count": run_count}))

    def run_name(self, name: str) -> None:
        """Nothing: the run is not here."""

    def run_state(self, state: State) -> None:
        """Nothing: the run is not here."""

    def log(self, *, at: datetime, level: str, logger: str, message: str, task_run: UUID | None) -> None:
        """A line."""
        told = {"at": at, "level": level, "logger": logger, "message": message, "task_run": task_run}
        self.send(("log", told))

    def artifact(
        self,
        id: UUID,
        *,
        kind: str,
        data: dict[str, Any],
        key: str | None,
        description: str | None,
        content: Content | None = None,
    ) -> None:
        """An artifact of a run that no control plane knows."""
        told = {"kind": kind, "data": data, "key": key, "description": description, "content": content}
        self.send(("artifact", {"id": id, **told}))


class PrintedHome(Capture):
    """Prints that nobody captures: printed where the run is, and not wherever the worker happens to be."""

    __slots__ = ("_send",)

    def __init__(self, run: FlowRun, task_run: UUID, send: Callable[[Event], None]) -> None:
        super().__init__(run, task_run)
        self._send = send

    def write(self, text: str) -> None:
        """Send whole lines."""
        lines, end, self._partial = (self._partial + text).rpartition("\n")
        if end:
            self._send(("printed", {"text": lines + end}))

    def flush(self) -> None:
        """Send the rest."""
        if self._partial:
            text, self._partial = self._partial, ""
            self._send(("printed", {"text": text}))


class TaskRunHere:
    """The task run that a call belongs to, as far as its code can read it."""

    __slots__ = ("id", "map_index", "name", "rounds", "run", "run_count", "state", "tags", "task")

    def __init__(self, who: Who, run: FlowRun, task: Task[..., Any]) -> None:
        self.id, self.name, self.map_index, self.run_count = who.id, who.name, who.map_index, who.run_count
        self.run, self.task, self.state = run, task, RUNNING
        self.tags = who.own_tags | who.tags
        self.rounds: Rounds | None = None
        if who.rounds is not None:
            self.rounds = Rounds()
            self.rounds.count, self.rounds.result, self.rounds.resumed = loads(who.rounds)


class RunHere(FlowRun):
    """The flow run that calls belong to. Tasks that a task calls run here, as its children."""

    is_used = False
    """Whether a call made tasks or subflows of its own, or stopped."""

    def stop_tasks(self, reason: str) -> None:
        """Stop them."""
        self.is_used = True
        super().stop_tasks(reason)

    def next_number(self, key: str) -> int:
        """Counted for each task run that calls, since other workers count, too."""
        self.is_used = True
        inside = current.task_run.get()
        return super().next_number(key if inside is None else f"{inside.name}/{key}")

    def new_task_run(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], **how: Any) -> Any:
        """A task run whose name says in which task it was called."""
        self.is_used = True
        inside = current.task_run.get()
        if how.get("label") is None and inside is not None:
            how["label"] = f"{inside.name}/{task.name}-{self.next_number(task.key)}"
        return super().new_task_run(task, args, kwargs, **how)


class Bench:
    """Makes calls; keeps the wares that they need."""

    def __init__(self) -> None:
        self._wares: OrderedDict[str, Any] = OrderedDict()
        self._runs: dict[str, list[RunHere]] = {}
        self._tasks: dict[str, Task[..., Any]] = {}
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget all wares; what is needed of them will be sent again."""
        with self._lock:
            self._wares.clear()

    def keep(self, key: str, data: Buffer) -> None:
        """Take a ware; it is unpickled when it is first needed."""
        with self._lock:
            if key not in self._wares:
                self._wares[key] = _Unopened(data)
            while len(self._wares) > KEPT_WARES:
                self._wares.popitem(last=False)

    def make(
        self,
        parcel: Parcel,
        send: Callable[[Event], None],
        ask: Ask,
        send_piece: Callable[[Buffer], None] | None = None,
    ) -> Outcome:
        """Make the call in a context of its own; its outcome. Whatever it raises is an outcome.

        With `send_piece`, a large result leaves by it, a piece at a time, before this returns the end of it.
        """
        known = masking.how_many()
        try:
            value = contextvars.Context().run(self._make, parcel, send, ask)
        except BaseException as error:
            return ERROR, packed_error(error, parcel)
        finally:
            if masking.how_many() != known:  # a secret that was resolved here is one there, too
                send(("secrets", {"found": masking.all_known()}))
        if travels_as_it_is(value, parcel.most_bytes):
            return VALUE, value
        into = Outgoing(parcel.most_bytes, send_piece)
        try:
            if isinstance(value, str | bytes) and 0 < parcel.most_bytes < len(value):
                raise TooLarge(len(value), parcel.most_bytes)  # a text would be copied before it is written
            dump(value, into)
            return (IN_PIECES if into.is_in_pieces else PICKLED), into.rest()
        except RunCancelled as stop:  # while its result was on its way
            return ERROR, packed_error(stop)
        except TooLarge as error:
            return ERROR, packed_error(oversized(f"Task {parcel.who.task_name!r} returned a result", error))
        except Exception as error:
            path, part = culprit(value, "result")
            kind = f"{type(part).__module__}.{type(part).__qualname__}".removeprefix("builtins.")
            refused = Unsendable(
                f"Task {parcel.who.task_name!r} returned something that cannot be sent back from its worker: {path}, "
                f"of type {kind}, cannot be pickled ({type(error).__name__}: {error}). Return values that can be, "
                f"or a path or a key under which the task stored it."
            )
            return ERROR, packed_error(refused)

    def _make(self, parcel: Parcel, send: Callable[[Event], None], ask: Ask) -> Any:
        who = parcel.who
        function = self._ware(parcel.function)
        run = self._run_of(parcel.scene)
        home: Home = run.reporter  # type: ignore[assignment]
        home.send = send
        if run.recorded_as is not None:
            run.asks = partial(ask_by, ask)
        current.flow_run.set(run)
        current.task_run.set(TaskRunHere(who, run, self._task_named(who.task_name)))  # type: ignore[arg-type]
        current.tag_set.set(who.tags)
        if parcel.variables is not None:
            _set_variables(function, loads(parcel.variables))
        capture = Capture(run, who.id) if who.captures else PrintedHome(run, who.id, send)
        capture.begin()
        try:
            args, kwargs = self._arguments(parcel)
            if parcel.timeout is not None:
                send((BEGUN, {}))  # the imports that the function needed are not of its time
            return _call(Call(function, args, kwargs, parcel.timeout))
        except RunCancelled as stop:
            run.stop_tasks(stop.reason)
            raise
        finally:
            capture.end()
            home.send = _nowhere
            if run.recorded_as is not None:
                run.asks = partial(ask_by, nobody)
            self._leave(parcel.scene, run)

    def _run_of(self, key: str) -> RunHere:
        """A run in this scene: one that an earlier call left as it was, or a new one."""
        with self._lock:
            left = self._runs.get(key)
            if left:
                return left.pop()
        from homeport.flows import Flow
        from homeport.task_runners import SequentialTaskRunner

        scene: Scene = self._ware(key)
        run = RunHere(Flow(scene.info.flow_name, log_prints=scene.log_prints), scene.info, Home(_nowhere))
        run.places.use(SequentialTaskRunner())
        run.parameters = loads(scene.parameters)
        run.recorded_as, run.tags = scene.recorded_as, scene.tags
        log_lines.begin(run)
        root = logging.getLogger()
        if root.level != scene.root_level:
            root.setLevel(scene.root_level)
        return run

    def _leave(self, key: str, run: RunHere) -> None:
        with self._lock:
            if not run.is_used:
                if len(self._runs) > KEPT_SCENES and key not in self._runs:
                    for _, old in (self._runs.popitem(), *self._runs.items()):
                        for other in old:
                            log_lines.end(other)
                    self._runs.clear()
                self._runs.setdefault(key, []).append(run)
                return
        log_lines.end(run)
        run.places.close()

    def _task_named(self, name: str) -> Task[..., Any]:
        task = self._tasks.get(name)
        if task is None:
            from homeport.tasks import Task

            task = self._tasks[name] = Task(name)
        return task

    def _arguments(self, parcel: Parcel) -> tuple[tuple[Any, ...], dict[str, Any]]:
        sent = parcel.arguments
        args, kwargs = sent if isinstance(sent, tuple) else loads(sent)
        return tuple(self._opened(value) for value in args), {name: self._opened(kwargs[name]) for name in kwargs}

    def _opened(self, value: Any) -> Any:
        return self._ware(value.key) if type(value) is Marker else value

    def _ware(self, key: str) -> Any:
        with self._lock:
            ware = self._wares[key]
            self._wares.move_to_end(key)
            if type(ware) is _Unopened:
                ware = ware.open()
                self._wares[key] = ware
        return ware


class _Unopened:
    __slots__ = ("_data",)

    def __init__(self, data: Buffer) -> None:
        self._data = data

    def open(self) -> Any:
        value = loads(self._data)
        if type(value) is tuple and len(value) == 2 and all(type(part) is str for part in value):
            return function_at(*value)
        return value


def _nowhere(event: Event) -> None:
    """What is told when no call is made: by a thread that outlived the call that started it."""


def _call(call: Call) -> Any:
    import inspect

    function = getattr(call.function, "__func__", call.function)
    if not inspect.iscoroutinefunction(function):
        return call.perform()
    import asyncio

    return asyncio.run(call.perform_async())


def _set_variables(function: Any, values: dict[str, Any]) -> None:
    own = {
        one.name: one
        for one in getattr(getattr(function, "__func__", function), "__globals__", {}).values()
        if type(one) is ContextVar
    }
    for name, value in values.items():
        own.get(name, context_variable(name)).set(value)


def packed_error(error: BaseException, parcel: Parcel | None = None) -> bytes:
    """The exception with its traceback as text; as much of it as can travel."""
    told, limit = story(error)[:LONGEST_STORY], 0 if parcel is None else parcel.most_bytes
    for travelling in (lambda: error, lambda: _rebuilt(error)):
        try:
            data = dumps((travelling(), told), limit)
            if type(loads(data)[0]) is type(error):
                return data
        except TooLarge as large:
            if parcel is not None and isinstance(error, signals.Signal):  # a state or a round's result is in it
                what = f"Task {parcel.who.task_name!r} raised {type(error).__name__} with a result"
                return packed_error(oversized(what, large))
        except Exception:  # noqa: S112 - the next form of it may travel
            continue
    try:
        text = str(error)[:LONGEST_STORY]
    except Exception:
        text = "(its message cannot be shown)"
    return dumps((RemoteError(type(error).__qualname__, text), told))


def oversized(what: str, error: TooLarge) -> Oversized:
    """The exception for a result that is too large to be sent back, with what to do."""
    return Oversized(
        f"{what} that is too large to be sent back from its worker: it has at least {error.found:,} bytes pickled, "
        f"and HOMEPORT_SENT_MAX_BYTES lets {error.limit:,} through. Write it to storage in the task and return where "
        f"it is, make several tasks of it that return a part each, or raise HOMEPORT_SENT_MAX_BYTES (0: no limit)."
    )


def _rebuilt(error: BaseException) -> Any:
    return _Rebuilt(type(error), error.args, {k: v for k, v in vars(error).items() if _travels(v)})


class _Rebuilt:
    """An exception whose own way of being pickled does not work: made without calling its __init__."""

    def __init__(self, kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> None:
        self._parts = (kind, tuple(arg if _travels(arg) else repr(arg) for arg in args), state)

    def __reduce__(self) -> Any:
        return _rebuild, self._parts


def _rebuild(kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    made = kind.__new__(kind)
    made.args = args
    made.__dict__.update(state)
    return made


def _travels(value: object) -> bool:
    try:
        loads(dumps(value))
    except Exception:
        return False
    return True
