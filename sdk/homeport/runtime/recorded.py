"""Runs of flows that are called here, recorded at the control plane: the setting `record_runs` names the project.

The flow is registered under a deployment of its own, `local`, so that what agents run is not touched; the run is
created as a direct one, which no agent takes, and this process is its infrastructure.
"""

from __future__ import annotations

import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from homeport.engine.cancellation import RunCancelled
from homeport.engine.console import ConsoleReporter
from homeport.engine.drivers import drive_async
from homeport.engine.flow_runs import FlowRun
from homeport.engine.run import run_to_end

if TYPE_CHECKING:
    from homeport.engine.states import State
    from homeport.flows import Flow
    from homeport.runtime.direct_attempt import DirectAttempt

DEPLOYMENT = "local"


def project() -> str | None:
    """The project in which runs that are called here are recorded; None if they are not."""
    from homeport.config import ConfigError, load_settings

    try:
        return load_settings().get("record_runs").value or None
    except ConfigError:
        return None  # a flow that needs no control plane runs without its settings too


def run(flow: Flow, values: dict[str, Any], into: str) -> State:
    """Run the flow in this thread, recorded in the project `into`; its final state.

    Raises ParameterError, RegistrationError, CodeError or a ClientError before the run has started.
    """
    stop = _ThreadStop() if threading.current_thread() is not threading.main_thread() else _ProcessStop()
    attempt = _begin(flow, values, into, stop.request)
    flow_run = _flow_run(flow, attempt)
    try:
        with stop.listening():
            state = run_to_end(flow_run, values)
    except RunCancelled as error:
        state = flow_run.final or flow_run.abandoned(error)
    except BaseException:
        _end(attempt, flow_run.final or flow_run.abandoned(RunCancelled()))
        raise
    _end(attempt, state)
    return state


async def run_async(flow: Flow, values: dict[str, Any], into: str) -> State:
    """The same for an async flow, awaited on the caller's event loop."""
    import asyncio

    loop = asyncio.get_running_loop()
    asked: list[bool] = []
    jobs: list[asyncio.Task[State]] = []

    def cancel() -> None:
        asked.append(True)
        for job in jobs:
            loop.call_soon_threadsafe(job.cancel)

    attempt = await asyncio.to_thread(_begin, flow, values, into, cancel)
    flow_run = _flow_run(flow, attempt)

    async def on_this_loop() -> State:
        flow_run.places.stand_on_loop()
        state: State = await drive_async(flow_run.steps(values))
        return state

    jobs.append(loop.create_task(on_this_loop()))
    if asked:
        jobs[0].cancel()
    try:
        state = await jobs[0]
    except BaseException as error:
        state = flow_run.final or flow_run.abandoned(RunCancelled())
        if not (asked and isinstance(error, asyncio.CancelledError)):
            await asyncio.to_thread(_end, attempt, state)
            raise
    await asyncio.to_thread(_end, attempt, state)
    return state


def _begin(flow: Flow, values: dict[str, Any], into: str, on_cancel: Callable[[], object]) -> DirectAttempt:
    from homeport.client import Client, expect
    from homeport.config import load_settings
    from homeport.registration import register
    from homeport.runtime.direct_attempt import DirectAttempt

    flow.validate_parameters(values)
    parameters = {name: _as_json(flow, name, value) for name, value in values.items()}
    settings = load_settings()
    with Client(settings.api_url, settings.api_key, timeout=settings.timeout_seconds) as client:
        # A recorded run is one run: only what is registered runs on its schedule.
        registered = register(client, flow, into, settings, deployment=DEPLOYMENT, schedule_active=False)
        # A key of our own makes it safe to ask again when an answer got lost.
        wanted = {"deploymentId": registered.deployment_id, "parameters": parameters, "direct": True}
        wanted["idempotencyKey"] = f"local-{uuid.uuid4().hex}"
        made = expect(
            client.execute("createFlowRun", {"input": wanted}, retry_for=2.0)["createFlowRun"], "FlowRunCreated"
        )
        return DirectAttempt(client, made["flowRun"]["id"], on_cancel=on_cancel)


def _as_json(flow: Flow, name: str, value: Any) -> Any:
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return to_jsonable_python(value)
    except PydanticSerializationError as error:
        raise TypeError(
            f"Parameter {name!r} of flow {flow.name!r} cannot be recorded: {error}. Runs are recorded because "
            f"HOMEPORT_RECORD_RUNS is set; what a recorded run is given must be JSON. Pass a path or an id instead of "
            f"the object, or unset it."
        ) from error


def _flow_run(flow: Flow, attempt: DirectAttempt) -> FlowRun:
    from homeport.runtime import user_code

    shown = attempt.shown_by(ConsoleReporter(attempt.descriptor.flow_run_name))
    return FlowRun(flow, user_code.run_info(attempt.descriptor), shown, is_local=True)


def _end(attempt: DirectAttempt, state: State) -> None:
    from homeport.runtime import user_code

    final = user_code.as_final(state)
    finished = attempt.end(final)
    if finished.state_type != final.type:
        held = f"{finished.state_type}, not {final.type}: {finished.message}"
        sys.stderr.write(f"homeport: the control plane holds this run as {held}\n")


class _ProcessStop:
    """In the main thread: a request becomes a SIGTERM, which also ends a sleep or a read."""

    def __init__(self) -> None:
        from homeport.runtime.cancellation import Cancellation

        self._cancellation = Cancellation()
        self.request = self._cancellation.request
        # Whoever asks for a stop before user code runs is heard too, so the signal must not be deadly by then.
        self._before = signal.getsignal(signal.SIGTERM)
        self._cancellation.install()

    @contextmanager
    def listening(self) -> Iterator[None]:
        try:
            with self._cancellation.stops_user_code():
                yield
        finally:
            signal.signal(signal.SIGTERM, self._before)


class _ThreadStop:
    """In another thread: a request raises there, at the next step of its code."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._listens = self._asked = False

    def request(self) -> None:
        """Ask, from any thread."""
        from homeport.engine.timeouts import raise_in_thread

        with self._lock:
            self._asked = True
            if self._listens:
                raise_in_thread(self._thread, RunCancelled)

    @contextmanager
    def listening(self) -> Iterator[None]:
        with self._lock:
            self._listens = True
            if self._asked:
                raise RunCancelled()
        try:
            yield
        finally:
            with self._lock:
                self._listens = False
