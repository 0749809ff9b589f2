"""Flow: what every flow has, and the building of one as a graph in a `with Flow(...)` block."""

from __future__ import annotations

import copy
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import Token
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Never, ParamSpec, TypeVar, cast

from homeport.engine import current
from homeport.engine.graph import Graph
from homeport.engine.hooks import OF_FLOWS, Hook, Hookable, HookFunction, hooks_of
from homeport.engine.name_templates import NameTemplate, check_name_template
from homeport.engine.parameters import ParameterError, Signature, jsonable, object_schema
from homeport.engine.retry_policy import Delay, checked_policy
from homeport.engine.state_handlers import StateHandler, checked_handlers
from homeport.flows.building import Building, edge_arguments
from homeport.parameters import Parameter, checked_values
from homeport.spellings import ABSENT_OF_FLOWS, seconds, timeout, unknown_argument
from homeport.task_runners import ConcurrentTaskRunner, SequentialTaskRunner, TaskRunner
from homeport.tasks import Task

if TYPE_CHECKING:
    from homeport.drawing import Picture
    from homeport.engine.edges import Edge
    from homeport.engine.flow_runs import FlowRun
    from homeport.engine.results import Result
    from homeport.engine.state import State as GraphState
    from homeport.engine.states import State
    from homeport.executors import Executor
    from homeport.results.options import ResultOptions
    from homeport.run_configs import RunConfig
    from homeport.schedules import Schedule
    from homeport.serializers import Serializer
    from homeport.storage import Storage

P = ParamSpec("P")
R = TypeVar("R")
OnLost = Literal["crash", "retry", "hold"]
TerminalStateHandler = Callable[["Flow", Any, set[Any]], Any]
"""Gets the flow, its state and those of its reference tasks; what it returns, unless None, is the state instead."""


class Flow(Building, Hookable):
    """A workflow. `with Flow("name") as flow:` builds one of tasks; `@flow` makes one of a function."""

    fn: Callable[..., Any] | None = None
    traces = False
    """Whether it takes the calls of a function that is only drawn."""
    signature: Signature | None = None
    is_async = False

    def __init__(
        self,
        name: str,
        *,
        description: str | None = None,
        version: str | None = None,
        flow_run_name: NameTemplate | None = None,
        schedule: Schedule | None = None,
        executor: Executor | TaskRunner | type[Executor] | type[TaskRunner] | None = None,
        run_config: RunConfig | None = None,
        storage: Storage | None = None,
        tasks: Iterable[Task[..., Any]] = (),
        edges: Iterable[Edge | tuple[Task[..., Any], Task[..., Any]]] = (),
        reference_tasks: Iterable[Task[..., Any]] | None = None,
        retries: int = 0,
        retry_delay_seconds: Delay = 0.0,
        timeout_seconds: float | None = None,
        log_prints: bool = False,
        validate_parameters: bool = True,
        on_lost: OnLost = "crash",
        on_running: Sequence[Hook] | None = None,
        on_completion: Sequence[Hook] | None = None,
        on_failure: Sequence[Hook] | Callable[[Any, State], Any] | None = None,
        on_cancellation: Sequence[Hook] | None = None,
        on_crashed: Sequence[Hook] | None = None,
        state_handlers: Iterable[StateHandler] | None = None,
        terminal_state_handler: TerminalStateHandler | None = None,
        validate: bool | None = None,
        persist_result: bool | None = None,
        result_storage: object = None,
        result_serializer: str | Serializer | None = None,
        cache_result_in_memory: bool = True,
        result: Result | None = None,
        **unknown: Never,
    ) -> None:
        """Options of the flow; one that this version does not have is a TypeError that names those it has.

        `timeout_seconds` and `retry_delay_seconds` are seconds. Raises ValueError for a name that is none, and
        for values that an option cannot have.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"A flow needs a name; it was given {name!r}.")
        if unknown:
            raise unknown_argument(min(unknown), GRAPH_OPTIONS, of=f"flow {name!r}")
        if on_lost not in ("crash", "retry", "hold"):
            raise ValueError(f"flow {name!r}: on_lost is 'crash', 'retry' or 'hold'; it was given {on_lost!r}.")
        self.name = name
        self.description = description or ""
        self.run_config = run_config
        self.storage = storage
        self.retry_policy = checked_policy(retries, seconds(retry_delay_seconds))
        check_name_template(flow_run_name, argument="flow_run_name", of=f"flow {name!r}")
        self.flow_run_name = flow_run_name
        hooks = (on_running, on_completion, on_failure, on_cancellation, on_crashed)
        self.hooks = hooks_of(dict(zip(OF_FLOWS, hooks, strict=True)), of=f"flow {name!r}")
        self.state_handlers = checked_handlers(state_handlers, f"flow {name!r}")
        self._version = version
        self.schedule = schedule
        self.results = flow_results(
            name, persist_result, result_storage, result_serializer, cache_result_in_memory, result
        )
        self.timeout_seconds = timeout(timeout_seconds, of=f"flow {name!r}")
        self.log_prints = log_prints
        self.should_validate_parameters = validate_parameters
        self.on_lost: OnLost = on_lost
        self.executor = _checked_executor(name, executor)
        self.variable: str | None = None
        self.entrypoint_file: Path | None = _file_of_caller()
        self.terminal_state_handler = terminal_state_handler
        self.nodes = Graph(validates=bool(validate))
        self._reference = None
        self._building: Token[Flow | None] | None = None
        for task in tasks:
            self.nodes.add(task)
        for edge in edges:
            self.add_edge(*(edge if isinstance(edge, tuple) else edge_arguments(edge)))
        if reference_tasks is not None:
            self.set_reference_tasks(reference_tasks)

    # Building a graph.

    def __enter__(self) -> Flow:
        if self.fn is not None:
            raise TypeError(f"flow {self.name!r} is a function; `with` is for flows made by Flow(...).")
        self._building = current.building.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._building is not None:
            current.building.reset(self._building)
            self._building = None

    # What is known of it without running it.

    @property
    def graph_of_nodes(self) -> Graph | None:
        """The graph; None for a function."""
        return self.nodes if self.fn is None else None

    @property
    def task_runner(self) -> TaskRunner:
        """Where submitted tasks run."""
        if isinstance(self.executor, TaskRunner):
            return self.executor
        if self.executor is not None:
            return self.executor.task_runner()
        return SequentialTaskRunner() if self.fn is None else _CONCURRENT

    @property
    def version(self) -> str | None:
        """What was given as its version; else the hash of the file in which it was written."""
        if self._version is None and self.entrypoint_file is not None:
            import hashlib

            # Short enough to be read aloud; it tells versions of one file apart, and keeps nobody out.
            self._version = hashlib.sha256(self.entrypoint_file.read_bytes()).hexdigest()[:32]
        return self._version

    @property
    def labels(self) -> list[str]:
        """The labels of its run config."""
        return sorted(self.run_config.labels) if self.run_config is not None else []

    def run_config_dict(self) -> dict[str, Any] | None:
        """The run config as a JSON object; None without one."""
        return self.run_config.to_dict() if self.run_config is not None else None

    def parameter_schema(self) -> dict[str, Any]:
        """What it takes, as a JSON Schema (draft 2020-12) of an object."""
        if self.signature is not None:
            return self.signature.schema(self.name)
        found = {parameter.name: _property(parameter) for parameter in self.parameters()}
        return object_schema(self.name, found, [one.name for one in self.parameters() if one.required])

    def parameters(self) -> list[Parameter]:
        """The parameters of a graph flow."""
        return [task for task in self.nodes.nodes if isinstance(task, Parameter)]

    def graph(self) -> dict[str, Any] | None:
        """Nodes and edges, where they are known before it runs: of graph flows. Parameters are left out."""
        if self.fn is not None:
            return None
        shown = {task: node for task, node in self.nodes.nodes.items() if not isinstance(task, Parameter)}
        return {
            "nodes": [{"key": node.key, "name": node.task.name, "mapped": node.mapped} for node in shown.values()],
            "edges": [
                [shown[other].key, node.key] for node in shown.values() for other in node.inputs() if other in shown
            ],
        }

    @property
    def schedule(self) -> Schedule | None:
        """When its runs are due once it is registered; None: only when asked for."""
        return self._schedule

    @schedule.setter
    def schedule(self, value: Schedule | None) -> None:
        if value is not None:
            from homeport.schedules import Schedule

            if not isinstance(value, Schedule):
                raise TypeError(
                    f"flow {self.name!r}: schedule is one of homeport.schedules, as CronSchedule('0 9 * * *'); "
                    f"it was given {value!r}."
                )
        self._schedule = value

    def serialize(self, build: bool = False) -> dict[str, Any]:
        """The flow as a JSON object: tasks, edges, parameters, and where its code is kept; never the code.

        With `build`, the code is stored first, and `storage` is the reference to it, with its digest.
        """
        from homeport.flows.description import described

        return described(self, build=build)

    def serialized_hash(self, build: bool = False) -> str:
        """The SHA-256 of `serialize()`: the same for the same graph, in whatever process it is asked for."""
        from homeport.flows.description import digest_of

        return digest_of(self.serialize(build=build))

    def visualize(
        self,
        flow_state: Any = None,
        filename: str | Path | None = None,
        format: str | None = None,
        horizontal: bool = False,
    ) -> Picture:
        """A picture of the graph: a notebook shows it, `filename` saves it, and on a desktop it is opened otherwise.

        With `flow_state`, what `flow.run()` returned, tasks have the colours of their states. SVG needs nothing else;
        other formats need graphviz, and raise GraphvizMissing where it is not installed.
        """
        from homeport.drawing.picture import picture_of, show

        picture = picture_of(self, flow_state, horizontal=horizontal)
        if filename is not None:
            picture.save(filename, format)
        elif format is not None and format != "svg":
            raise ValueError(f"flow.visualize(format={format!r}) writes a file: say which, by filename=.")
        else:
            show(picture)
        return picture

    # Running.

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it here, now, with this process as its infrastructure; the result (a coroutine of it for async flows).

        What the flow raised is raised; with `return_state=True` the final state is returned instead. In another
        flow's run it is a subflow of that run; in a `with Flow` block, a task of that flow that runs it.
        """
        if current.building.get() is not None:
            from homeport.flows.flow_nodes import task_of_flow

            return task_of_flow(self)(*args, **kwargs)
        from homeport.engine import local

        __tracebackhide__ = True
        return_state = kwargs.pop("return_state", False)
        if self._held_back("call"):
            return None
        values = self.signature.bound(args, kwargs) if self.signature is not None else dict(kwargs)
        if args and self.signature is None:
            raise TypeError(f"flow {self.name!r} takes its parameters by name.")
        return local.call(self, values, return_state=return_state)

    def run(
        self, parameters: dict[str, Any] | None = None, *, run_on_schedule: bool = False, **kwargs: Any
    ) -> GraphState:
        """Run it here, now, and return the final state; of a graph flow, `state.result[task]` is that task's state.

        Parameters are given by name. `executor=` is where its tasks run this time, and `context=` what
        `homeport.context` says beside what it knows, unless the flow has parameters of these names. With
        `run_on_schedule` it waits for each time of its schedule and runs then, until the schedule ends; the state of
        the last run. Raises ParameterError for parameters that do not fit.
        """
        from homeport.engine import local

        this_time = {name: kwargs.pop(name) for name in ("executor", "context") if self._is_no_parameter(name, kwargs)}
        if this_time:
            return self._run_with(parameters, run_on_schedule, kwargs, **this_time)

        if current.building.get() is self:
            frame = sys._getframe(1)
            raise RuntimeError(
                f"flow.run() was called inside the `with Flow({self.name!r})` block, at "
                f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}: the flow is still being built there. "
                f"Move the call out of the block (unindent it)."
            )
        if self._held_back("run"):
            return None  # type: ignore[return-value]
        values = {**(parameters or {}), **kwargs}
        if run_on_schedule:
            from homeport.schedules.local_runs import run_on_times

            return cast("GraphState", run_on_times(self, values))
        self.validate_parameters(values)
        state = local.run(self, values)
        if self.fn is not None:
            return state  # type: ignore[return-value]  # of a function's run it is the plain state, as that class says
        from homeport.engine import state as older

        return older.of(state)

    def _is_no_parameter(self, name: str, given: dict[str, Any]) -> bool:
        if name not in given:
            return False
        return name not in (self.signature.names if self.signature else [one.name for one in self.parameters()])

    def _run_with(
        self,
        parameters: dict[str, Any] | None,
        run_on_schedule: bool,
        values: dict[str, Any],
        executor: Any = None,
        context: Mapping[str, Any] | None = None,
    ) -> GraphState:
        from homeport.context import saying

        flow = self
        if executor is not None:
            flow = copy.copy(self)  # the graph is the same one: the states are found under the tasks that people hold
            flow.executor = _checked_executor(self.name, executor)
        with saying(context or {}):
            return flow.run(parameters, run_on_schedule=run_on_schedule, **values)

    def validate_parameters(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values, converted as the flow wants them; raises ParameterError."""
        if self.signature is not None:
            return self.signature.checked(self.name, values, validate=self.should_validate_parameters)
        known = {one.name: one for one in self.parameters()}
        problems = [f"{name}: there is no such parameter" for name in values if name not in known]
        problems += [
            f"{name}: a value is required" for name, one in known.items() if one.required and name not in values
        ]
        if problems:
            raise ParameterError(self.name, problems)
        return checked_values(self.name, known, values)

    def all_parameters(self, values: dict[str, Any]) -> dict[str, Any]:
        """Checked values, and the defaults of those that were not given."""
        return values if self.signature is None else self.signature.with_defaults(values)

    # Hooks, in the form of decorators.

    def on_cancellation(self, hook: HookFunction) -> HookFunction:
        """`@my_flow.on_cancellation`: call this function when a run of the flow was cancelled."""
        return self._hooked("on_cancellation", hook)

    def on_crashed(self, hook: HookFunction) -> HookFunction:
        """`@my_flow.on_crashed`: call this function when a run of the flow returned the state Crashed."""
        return self._hooked("on_crashed", hook)

    def body(self, run: FlowRun) -> Any:
        """For the engine: what a run of this flow calls."""
        if self.signature is not None:
            return self.signature.call(run.parameters)
        from homeport.engine.graph_runs import run_graph

        return run_graph(run)

    def register(self, project_name: str, **options: Any) -> str:
        """Store the code and make the flow known to the control plane, in a project; the flow's id."""
        from homeport.registration import register_flow

        if self._held_back("register"):
            return ""
        return register_flow(self, project_name, **options)

    def _held_back(self, what: str) -> bool:
        if not current.collecting.get() or current.flow_run.get() is not None:
            return False
        frame = sys._getframe(2)
        warnings.warn(
            f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}: the {what} of flow {self.name!r} was "
            f"ignored while flows are collected. Put it under `if __name__ == '__main__':`.",
            stacklevel=3,
        )
        return True

    if not TYPE_CHECKING:  # a checker would take any name for one that is there, and what follows for unreachable

        def __getattr__(self, name: str) -> Never:
            absent = ABSENT_OF_FLOWS.get(name)
            raise AttributeError(
                f"flow {self.__dict__.get('name')!r} has no {name!r}{f': {absent}' if absent else '.'}"
            )

    def __repr__(self) -> str:
        return f"<Flow {self.name!r}>"


GRAPH_OPTIONS = frozenset(inspect.signature(Flow.__init__).parameters) - {"self", "unknown"}
_CONCURRENT = ConcurrentTaskRunner()


def flow_results(
    name: str, persist: bool | None, storage: object, serializer: object, in_memory: bool, result: Result | None
) -> ResultOptions | None:
    """What a flow says about results, its own and those of its tasks; None where it says nothing."""
    if persist is None and storage is None and serializer is None and in_memory and result is None:
        return None
    from homeport.results.options import of_flow

    given = {
        "persist_result": persist,
        "result_storage": storage,
        "result_serializer": serializer,
        "cache_result_in_memory": in_memory,
        "result": result,
    }
    return of_flow(name, given)


def _checked_executor(name: str, given: Any) -> Executor | TaskRunner | None:
    made: Any = given() if isinstance(given, type) else given
    if made is None or isinstance(made, TaskRunner) or callable(getattr(made, "task_runner", None)):
        chosen: Executor | TaskRunner | None = made
        return chosen
    raise TypeError(
        f"flow {name!r}: its task_runner (or executor) is {given!r}, which is none. Take one of homeport.task_runners "
        f"or homeport.executors, such as ProcessTaskRunner(max_workers=4)."
    )


def _property(parameter: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {"title": parameter.name, **parameter.json_type}
    if parameter.description:
        found["description"] = parameter.description
    if not parameter.required:
        found["default"] = jsonable(parameter.default)
    return found


def _file_of_caller() -> Path | None:
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("homeport."):
        frame = frame.f_back
    return file_of(frame.f_code.co_filename) if frame is not None else None


def file_of(name: str) -> Path | None:
    """The file in which code says it was defined; None for a notebook or a shell, whose names are no files."""
    return Path(name).absolute() if Path(name).is_file() else None
