"""`homeport run --execute`: take one directly created run, and run it here and now, in this process."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from homeport.runtime.cancellation import Cancellation
from homeport.runtime.direct_attempt import DirectAttempt
from homeport.runtime.finish import FinalState, Finished

if TYPE_CHECKING:
    from homeport.client.sync_client import Client


def execute_here(client: Client, flow_run_id: str, flow: Any) -> Finished:
    """Claim the run, run the flow in this process (main thread), and return what the control plane holds as its end.

    Raises what DirectAttempt raises.
    """
    from homeport.engine.cancellation import RunCancelled
    from homeport.engine.console import ConsoleReporter
    from homeport.runtime import user_code

    cancellation = Cancellation()
    attempt = DirectAttempt(client, flow_run_id, on_cancel=cancellation.request)
    descriptor = attempt.descriptor
    with interrupts(cancellation), _key_withheld():
        try:
            with cancellation.stops_user_code():
                final = user_code.run(descriptor, flow, attempt.shown_by(ConsoleReporter(descriptor.flow_run_name)))
        except RunCancelled:
            final = FinalState.now("CANCELLED", "Cancelled before its first task.")
        except Exception as error:
            final = FinalState.now("CRASHED", f"The run failed: {type(error).__name__}: {error}")
        return attempt.end(final)


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
def interrupts(cancellation: Cancellation) -> Iterator[None]:
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
