"""The commit point: user code starts only after the control plane has answered OK to startAttempt."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Any

from homeport.client.errors import Unreachable
from homeport.client.outcomes import expect
from homeport.runtime.finish import FOR_EVER
from homeport.runtime.run_client import RunClient


@dataclass(frozen=True, slots=True)
class Started:
    """The control plane's OK: how often to be heard from, and after how long of silence the attempt is lost (s)."""

    lease_seconds: float
    heartbeat_seconds: float


class StartRequest:
    """Asks to start one attempt as one instance; asking again as the same instance gets OK again."""

    def __init__(self, client: RunClient, attempt_id: str, instance: str) -> None:
        self._client = client
        self._variables: dict[str, Any] = {
            "input": {"attemptId": attempt_id, "instance": instance, "host": socket.gethostname(), "pid": os.getpid()}
        }

    def begin(self) -> None:
        """Send the request; there is time for imports until the answer comes."""
        self._client.begin("startAttempt", self._variables)

    def end(self) -> Started:
        """Wait for OK, asking again while no answer comes. FencedError, InvalidTransitionError: do not run."""
        try:
            data = self._client.end("startAttempt")
        except Unreachable:
            data = self._client.execute("startAttempt", self._variables, retry_for=FOR_EVER)
        answer = expect(data["startAttempt"], "AttemptStarted")
        return Started(float(answer["leaseSeconds"]), float(answer["heartbeatSeconds"]))
