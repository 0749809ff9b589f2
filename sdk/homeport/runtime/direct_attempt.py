"""One attempt of a run that this process took directly, without an agent: started, reported, ended."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from homeport.client.errors import ClientError
from homeport.client.outcomes import expect
from homeport.runtime import connection
from homeport.runtime.descriptor import RunDescriptor
from homeport.runtime.echo import EchoingReporter
from homeport.runtime.finish import FinalState, Finished, finish
from homeport.runtime.outbox import Outbox
from homeport.runtime.reporter import EventReporter
from homeport.runtime.run_client import RunClient
from homeport.runtime.spool import Spool
from homeport.runtime.starting import StartRequest
from homeport.runtime.user_code import questions_of
from homeport.runtime.wire import open_wire

if TYPE_CHECKING:
    from homeport.client.sync_client import Client
    from homeport.engine.reporting import Reporter

# No agent is there to pass a cancel on; it comes with the answer to the next report.
LOOK_FOR_CANCEL_SECONDS = 1.0


class DirectAttempt:
    """Takes the run when it is made, and has started it when that returns; `on_cancel` is called from a thread.

    The run must have been created with `direct: true`. Raises NotFoundError, InvalidTransitionError (somebody has it
    already), and other client errors until the run has started; from then on outages are waited out.
    """

    def __init__(self, client: Client, flow_run_id: str, *, on_cancel: Callable[[], object]) -> None:
        self._stopped: list[str] = []
        self._instance = os.urandom(16).hex()
        self._folder = tempfile.TemporaryDirectory(prefix="homeport-run-")
        with contextlib.ExitStack() as undo:
            undo.callback(self._folder.cleanup)
            self.descriptor = describe(take(client, flow_run_id), client.url, Path(self._folder.name))
            self._client = undo.enter_context(
                contextlib.closing(RunClient(open_wire(client.url), self.descriptor.run_token))
            )
            request = StartRequest(self._client, self.descriptor.attempt_id, self._instance)
            request.begin()
            started = request.end()

            def stop(reason: str) -> None:
                self._stopped.append(reason)
                on_cancel()

            self._reporter = EventReporter(
                self._client,
                self.descriptor.attempt_id,
                Outbox(Spool(Path(self.descriptor.spool_path))),
                on_cancel=on_cancel,
                on_stop=stop,
                heartbeat_seconds=min(started.heartbeat_seconds, LOOK_FOR_CANCEL_SECONDS),
            )
            self._reporter.start()
            undo.enter_context(
                connection.speaking_for(UUID(self.descriptor.flow_run_id), client.url, self.descriptor.run_token)
            )
            undo.enter_context(questions_of(self.descriptor))
            self._undo = undo.pop_all()

    def shown_by(self, shown: Reporter) -> Reporter:
        """A reporter that tells the control plane and the one given: who runs a flow here wants to see it run."""
        return EchoingReporter(self._reporter, shown)

    def end(self, final: FinalState) -> Finished:
        """Deliver what is left and the final state; what the control plane holds as the end."""
        with self._undo:
            if self._stopped:
                return Finished(False, "CRASHED", f"The run was stopped: {self._stopped[0]}")
            self._reporter.flush_and_close()
            try:
                return finish(self._client, self.descriptor.attempt_id, final, instance=self._instance)
            except ClientError as error:
                return Finished(False, final.type, f"The end was refused: {error.message}")


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
