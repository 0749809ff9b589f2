"""`homeport run --execute`: take one directly created run, and run it here and now, in this process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.client.errors import ClientError
from homeport.client.outcomes import expect
from homeport.runtime.cancellation import Cancellation
from homeport.runtime.descriptor import RunDescriptor
from homeport.runtime.finish import FinalState, Finished, finish
from homeport.runtime.outbox import Outbox
from homeport.runtime.reporter import EventReporter
from homeport.runtime.run_client import RunClient
from homeport.runtime.spool import Spool
from homeport.runtime.starting import StartRequest
from homeport.runtime.wire import open_wire

if TYPE_CHECKING:
    from homeport.client.sync_client import Client

# No agent is there to pass a cancel on; it comes with the answer to the next report.
LOOK_FOR_CANCEL_SECONDS = 1.0


def execute_here(client: Client, flow_run_id: str, flow: Any) -> Finished:
    """Claim the run, run the flow in this process (main thread), and return what the control plane holds as its end.

    The run must have been created with `direct: true`. Raises NotFoundError, InvalidTransitionError (somebody has it
    already), and other client errors until the run has started; from then on outages are waited out.
    """
    claim = take(client, flow_run_id)
    with tempfile.TemporaryDirectory(prefix="homeport-run-") as folder:
        return _execute(describe(claim, client.url, Path(folder)), flow)


def take(client: Client, flow_run_id: str) -> dict[str, Any]:
    """Claim one directly created run for this process; the claim as the control plane gives it."""
    variables = {"input": {"id": flow_run_id, "executor": f"{socket.gethostname()} (pid {os.getpid()})"}}
    claim: dict[str, Any] = expect(client.execute("claimFlowRun", variables)["claimFlowRun"], "FlowRunClaimed")["claim"]
    return claim


def describe(claim: dict[str, Any], url: str, folder: Path) -> RunDescriptor:
    """The descriptor of a claim that is executed in this process."""
    return RunDescriptor(
        api_url=url,
        run_token=claim["runToken"],
        attempt_id=claim["attemptId"],
        attempt_number=claim["attemptNumber"],
        flow_run_id=claim["flowRunId"],
        flow_run_name=claim["flowRunName"],
        flow_name=claim["flowName"],
        project_name=claim["projectName"],
        deployment_name=claim["deploymentName"],
        entrypoint=claim["entrypoint"],
        code_dir=str(Path.cwd()),
        spool_path=str(folder / "spool"),
        parameters=claim["parameters"],
        labels=claim["labels"],
        scheduled_at=claim["scheduledAt"],
    )


def _execute(descriptor: RunDescriptor, flow: Any) -> Finished:
    from homeport.engine.cancellation import RunCancelled
    from homeport.engine.console import ConsoleReporter
    from homeport.runtime import user_code
    from homeport.runtime.echo import EchoingReporter

    client = RunClient(open_wire(descriptor.api_url), descriptor.run_token)
    instance = os.urandom(16).hex()
    request = StartRequest(client, descriptor.attempt_id, instance)
    request.begin()
    started = request.end()
    cancellation = Cancellation()
    stopped: list[str] = []

    def stop(reason: str) -> None:
        stopped.append(reason)
        cancellation.request()

    reporter = EventReporter(
        client,
        descriptor.attempt_id,
        Outbox(Spool(Path(descriptor.spool_path))),
        on_cancel=cancellation.request,
        on_stop=stop,
        heartbeat_seconds=min(started.heartbeat_seconds, LOOK_FOR_CANCEL_SECONDS),
    )
    reporter.start()
    with _interrupts(cancellation), _key_withheld():
        try:
            with cancellation.stops_user_code():
                # Whoever runs a flow here and now wants to see it run.
                shown = EchoingReporter(reporter, ConsoleReporter(descriptor.flow_run_name))
                final = user_code.run(descriptor, flow, shown)
        except RunCancelled:
            final = FinalState.now("CANCELLED", "Cancelled before its first task.")
        except Exception as error:
            final = FinalState.now("CRASHED", f"The run failed: {type(error).__name__}: {error}")
        if stopped:
            return Finished(False, "CRASHED", f"The run was stopped: {stopped[0]}")
        reporter.flush_and_close()
    with contextlib.closing(client):
        try:
            return finish(client, descriptor.attempt_id, final, instance=instance)
        except ClientError as error:
            return Finished(False, final.type, f"The end was refused: {error.message}")


@contextlib.contextmanager
def _key_withheld() -> Iterator[None]:
    """User code finds the environment that it would find on an agent: one without a key."""
    key = os.environ.pop("HOMEPORT_API_KEY", None)
    try:
        yield
    finally:
        if key is not None:
            os.environ["HOMEPORT_API_KEY"] = key


@contextlib.contextmanager
def _interrupts(cancellation: Cancellation) -> Iterator[None]:
    """SIGTERM and Ctrl-C cancel the run; a second Ctrl-C ends the program as usual."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    cancellation.install()

    def on_interrupt(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        cancellation.request()

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
