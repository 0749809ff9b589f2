"""What is sent for one call of a task, and what comes back.

What many calls have in common (the function, the scene of the run, constants of a map, results that several tasks get)
is a ware: it is pickled once and sent once to each worker. The rest is the parcel, a plain tuple.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

from homeport.engine import current
from homeport.engine.arguments import Constant
from homeport.engine.outgoing import TooLarge
from homeport.engine.pickling import (
    ATOMS,
    culprit,
    dumps_with_variables,
    free_names,
    is_importable,
    reference_to,
    travels_as_it_is,
    why_not,
)
from homeport.engine.worker_errors import Oversized, Unsendable
from homeport.futures import Future

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from homeport.engine.drivers import Call
    from homeport.engine.run import FlowRunInfo
    from homeport.engine.task_runs import TaskRun
    from homeport.engine.trips import Trip

SHARED = frozenset({Constant, Future})
KEPT_CONSTANTS = 16
"""Constants of maps, and results, that are kept pickled at a time; an older one is pickled again if needed again."""


class Ware(NamedTuple):
    """Something pickled that many calls need."""

    key: str
    data: bytes


class Marker(NamedTuple):
    """In the place of an argument that is a ware."""

    key: str


class Scene(NamedTuple):
    """What calls of one flow run can read about it."""

    info: FlowRunInfo
    parameters: bytes
    log_prints: bool
    root_level: int
    recorded_as: UUID | None
    """The id under which the control plane knows the run; None if it does not."""
    tags: frozenset[str]


class Who(NamedTuple):
    """What a call can read about its task run."""

    id: UUID
    name: str
    task_name: str
    map_index: int | None
    run_count: int
    captures: bool | None
    tags: frozenset[str]
    """Those of the code around the call; tasks that the call makes have them, too."""
    own_tags: frozenset[str]
    rounds: bytes | None = None
    """Of a call that follows a LOOP or a PAUSE: what `homeport.context` has of it, pickled."""


class Parcel(NamedTuple):
    """One call."""

    number: int
    function: str
    scene: str
    who: Who
    arguments: Buffer | tuple[tuple[Any, ...], dict[str, Any]]
    timeout: float | None
    variables: bytes | None
    most_bytes: int = 0
    """How many bytes its result may have, pickled; 0 for no limit. The run decides that, wherever the worker is."""


class Packer:
    """Packs the calls of one task runner."""

    def __init__(self, where: str, mend: str, *, by_reference: bool = True) -> None:
        from homeport.results import limits

        self._where, self._mend, self._by_reference = where, mend, by_reference
        self._most_bytes = limits.of_process().sent_bytes
        self._keys = itertools.count()
        self._prefix = uuid4().hex
        self._functions: dict[Any, tuple[Callable[..., Any], Ware, list[ContextVar[Any]]]] = {}
        self._scenes: dict[UUID, tuple[Any, Ware]] = {}
        self._constants: dict[int, tuple[Any, Ware]] = {}
        self._futures: dict[int, Any] = {}

    def pack(self, trip: Trip, call: Call) -> tuple[Parcel, list[Ware]]:
        """The parcel of a call, and the wares that it needs. Raises Unsendable."""
        task_run = trip.task_run
        ware, variables = self._function(task_run, call)
        scene = self._scene(task_run)
        wares = [ware, scene]
        args, kwargs = call.args, call.kwargs
        if task_run.map_index is not None or task_run.upstream:
            try:
                args, kwargs = self._with_markers(task_run, args, kwargs, wares)
            except TooLarge as error:
                raise self._oversized(task_run, "one of its arguments is", error) from error
        arguments: Any = args, kwargs
        limit = self._most_bytes
        if not all(travels_as_it_is(value, limit) for value in (*args, *kwargs.values())):
            try:
                arguments, _ = dumps_with_variables(arguments, limit)
            except TooLarge as error:
                raise self._oversized(task_run, "its arguments are", error) from error
            except Exception as error:
                raise self._bad_argument(task_run, call, error) from error
        run, task = task_run.run, task_run.task
        capture = run.capture_of(task, task_run.id)
        captures = None if capture is None else capture.run is not None
        who = Who(
            task_run.id, task_run.name, task.name, task_run.map_index, task_run.run_count, captures,
            trip.context.get(current.tag_set, frozenset()), task.tags, self._rounds(task_run, call),
        )  # fmt: skip
        sent = self._values(task_run, variables, trip.context) if variables else None
        parcel = Parcel(
            trip.number, ware.key, scene.key, who, arguments, call.timeout, sent, self._most_bytes
        )  # fmt: skip
        return parcel, wares

    def _rounds(self, task_run: TaskRun, call: Call) -> bytes | None:
        rounds = task_run.rounds
        if rounds is None:
            return None
        try:
            return dumps_with_variables((rounds.count, rounds.result, rounds.resumed))[0]
        except Exception as error:
            raise self._bad_argument(task_run, call, error) from error

    def _with_markers(
        self, task_run: TaskRun, args: tuple[Any, ...], kwargs: dict[str, Any], wares: list[Ware]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call, with what other calls get as well as wares."""
        if any(type(given) in SHARED for given in task_run.args):
            args = tuple(
                self._shared(given, value, wares) if type(given) in SHARED else value
                for given, value in zip(task_run.args, args, strict=True)
            )
        if any(type(given) in SHARED for given in task_run.kwargs.values()):
            kwargs = {
                name: self._shared(given, kwargs[name], wares) if type(given) in SHARED else kwargs[name]
                for name, given in task_run.kwargs.items()
            }
        return args, kwargs

    def _shared(self, given: Any, value: Any, wares: list[Ware]) -> Any:
        """A marker for a constant of a map, and for a future whose result was sent before; else the value."""
        if type(value) in ATOMS:
            return value
        known = self._constants.get(id(given))
        if known is None or known[0] is not given:
            if type(given) is not Constant and not self._seen_before(given):
                return value
            try:
                data, _ = dumps_with_variables(value, self._most_bytes)
            except TooLarge:
                raise
            except Exception:
                return value  # the message is made where all arguments are looked at
            if len(self._constants) >= KEPT_CONSTANTS:
                self._constants.pop(next(iter(self._constants)))
            known = self._constants[id(given)] = (given, self._ware(data))
        wares.append(known[1])
        return Marker(known[1].key)

    def _seen_before(self, future: Any) -> bool:
        if self._futures.get(id(future)) is future:
            return True
        if len(self._futures) >= KEPT_CONSTANTS:
            self._futures.pop(next(iter(self._futures)))
        self._futures[id(future)] = future
        return False

    def _function(self, task_run: TaskRun, call: Call) -> tuple[Ware, list[ContextVar[Any]]]:
        # A bound method is made anew for each call; its function and its object stay.
        function = call.function
        owner = getattr(function, "__self__", None)
        key = (id(getattr(function, "__func__", function)), id(owner))
        known = self._functions.get(key)
        if known is None:
            try:
                known = self._functions[key] = (function, *self._packed(function))
            except TooLarge as error:
                raise self._oversized(task_run, "what its function uses from outside is", error) from error
            except Exception as error:
                raise self._bad_function(task_run, function, error) from error
        return known[1], known[2]

    def _packed(self, function: Callable[..., Any]) -> tuple[Ware, list[ContextVar[Any]]]:
        if self._by_reference:
            is_importable(getattr(function, "__module__", None) or "__main__")
            reference = reference_to(function)
            if reference is not None:
                data, _ = dumps_with_variables(reference)
                return self._ware(data), [one for one in free_names(function).values() if type(one) is ContextVar]
        data, variables = dumps_with_variables(function, self._most_bytes)
        return self._ware(data), variables

    def _scene(self, task_run: TaskRun) -> Ware:
        run = task_run.run
        known = self._scenes.get(run.info.id)
        if known is None:
            import logging

            from homeport.runtime.connection import recorded_as

            limit = self._most_bytes
            sendable = {name: value for name, value in run.parameters.items() if why_not(value, limit) is None}
            parameters, _ = dumps_with_variables(sendable)
            scene = Scene(
                run.info, parameters, run.flow.log_prints, logging.getLogger().level, recorded_as(run), run.tags
            )
            known = self._scenes[run.info.id] = (run, self._ware(dumps_with_variables(scene)[0]))
        return known[1]

    def _values(self, task_run: TaskRun, variables: list[ContextVar[Any]], context: Context) -> bytes | None:
        values = {variable.name: context[variable] for variable in variables if variable in context}
        try:
            return dumps_with_variables(values, self._most_bytes)[0] if values else None
        except TooLarge as error:
            raise self._oversized(task_run, f"one of the context variables {', '.join(values)} is", error) from error
        except Exception as error:
            path, part = culprit(values, "")
            raise Unsendable(
                f"Task {task_run.task.name!r} cannot run on {self._where}: the context variable {path} has a value of "
                f"type {_type(part)}, which cannot be pickled ({error}). {self._mend}"
            ) from error

    def _ware(self, data: bytes) -> Ware:
        return Ware(f"{self._prefix}-{next(self._keys)}", data)

    def _bad_argument(self, task_run: TaskRun, call: Call, error: Exception) -> Unsendable:
        for name, value in _by_name(call).items():
            if type(value) not in ATOMS and why_not(value) is not None:
                path, part = culprit(value, name)
                what = f"its argument {path!r}, of type {_type(part)}, cannot be pickled ({why_not(part) or error})"
                break
        else:
            what = f"its arguments cannot be pickled ({type(error).__name__}: {error})"
        return Unsendable(
            f"Task {task_run.task.name!r} cannot run on {self._where}: {what}. Make such an object in the task itself, "
            f"from values that can be pickled. {self._mend}"
        )

    def _oversized(self, task_run: TaskRun, what: str, error: TooLarge) -> Oversized:
        return Oversized(
            f"Task {task_run.task.name!r} cannot run on {self._where}: {what} too large to be sent there. At least "
            f"{error.found:,} bytes pickled, and HOMEPORT_SENT_MAX_BYTES lets {error.limit:,} through. Give the task a "
            f"path or a key under which the value is stored, and read it there, or raise HOMEPORT_SENT_MAX_BYTES "
            f"(0: no limit). {self._mend}"
        )

    def _bad_function(self, task_run: TaskRun, function: Callable[..., Any], error: Exception) -> Unsendable:
        for name, value in free_names(function).items():
            if why_not(value) is not None:
                path, part = culprit(value, name)
                what = f"it uses {path!r} from outside, of type {_type(part)}, which cannot be pickled"
                break
        else:
            what = "its function cannot be pickled"
        return Unsendable(
            f"Task {task_run.task.name!r} cannot run on {self._where}: {what} ({type(error).__name__}: {error}). "
            f"Make such an object in the task itself. {self._mend}"
        )


def _by_name(call: Call) -> dict[str, Any]:
    try:
        return dict(inspect.signature(call.function).bind(*call.args, **call.kwargs).arguments)
    except (TypeError, ValueError):
        return {**{f"argument {number}": value for number, value in enumerate(call.args, 1)}, **call.kwargs}


def _type(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
