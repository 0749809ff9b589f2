"""The run process: `python -m homeport.runtime.process`, its descriptor on standard input.

It asks to start (the commit point), imports the user's code, runs the flow while a thread reports, and delivers the
final state. It is the only place that imports users' code, and it never holds the agent's key.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.client.errors import ClientError, InvalidTransitionError
from homeport.runtime.cancellation import Cancellation
from homeport.runtime.descriptor import RunDescriptor
from homeport.runtime.finish import NOTHING_TO_DO, FinalState, finish
from homeport.runtime.outbox import Outbox
from homeport.runtime.reporter import EventReporter
from homeport.runtime.run_client import RunClient
from homeport.runtime.spool import Spool
from homeport.runtime.starting import Started, StartRequest
from homeport.runtime.wire import open_wire

if TYPE_CHECKING:
    from homeport.engine.reporting import Reporter

EXIT_DONE = 0
EXIT_STOPPED = 77
"""This attempt is not, or no longer, the one that may run."""


def main() -> int:
    """Run one attempt; the exit code says only whether this process did its job, not how the flow ended."""
    descriptor = RunDescriptor.from_json(_read_stdin())
    cancellation = Cancellation()
    cancellation.install()
    spool = Spool(Path(descriptor.spool_path))
    client = RunClient(open_wire(descriptor.api_url), descriptor.run_token)
    instance = os.urandom(16).hex()
    started = _start(client, descriptor, instance, spool)
    if started is None:
        return EXIT_STOPPED
    reporter = _reporter(client, descriptor, started, spool, cancellation)
    final = _run_user_code(descriptor, reporter, cancellation)
    spool.note("final.json", final.to_input())
    reporter.flush_and_close()
    return _deliver(client, descriptor, instance, spool, final)


def _read_stdin() -> bytes:
    """The descriptor; afterwards standard input is empty, so that user code which reads it does not wait."""
    data = sys.stdin.buffer.read()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return data


def _start(client: RunClient, descriptor: RunDescriptor, instance: str, spool: Spool) -> Started | None:
    """The control plane's OK; None when this process must not run the flow."""
    request = StartRequest(client, descriptor.attempt_id, instance)
    request.begin()
    import homeport.engine.loading
    import homeport.engine.run  # noqa: F401 - the engine loads while the answer is on its way; user code does not

    try:
        started = request.end()
    except ClientError as error:
        _say(f"attempt {descriptor.attempt_id} may not start: {error.message}")
        if isinstance(error, InvalidTransitionError) and error.state_type == "CANCELLING":
            final = FinalState.now("CANCELLED", "Cancelled before it started.")
            _deliver(client, descriptor, instance, spool, final)
        spool.note("stopped", error.message)
        return None
    spool.note("started")
    return started


def _reporter(
    client: RunClient, descriptor: RunDescriptor, started: Started, spool: Spool, cancellation: Cancellation
) -> EventReporter:
    def stop(reason: str) -> None:
        _say(f"attempt {descriptor.attempt_id} was stopped: {reason}")
        spool.note("stopped", reason)
        _end_process_group()

    reporter = EventReporter(
        client,
        descriptor.attempt_id,
        Outbox(spool),
        on_cancel=cancellation.request,
        on_stop=stop,
        heartbeat_seconds=started.heartbeat_seconds or descriptor.heartbeat_seconds,
        log_flush_seconds=descriptor.log_flush_seconds,
        max_batch_bytes=descriptor.max_batch_bytes,
        code_dir=descriptor.code_dir,
    )
    reporter.start()
    return reporter


def _run_user_code(descriptor: RunDescriptor, reporter: EventReporter, cancellation: Cancellation) -> FinalState:
    from homeport.engine.cancellation import RunCancelled
    from homeport.runtime import user_code

    try:
        with cancellation.stops_user_code():
            return user_code.run(descriptor, user_code.load(descriptor), _shown(descriptor, reporter))
    except user_code.CodeNotLoaded as error:
        return error.final
    except RunCancelled:
        return FinalState.now("CANCELLED", "Cancelled before its first task.")
    except BaseException as error:
        # A SystemExit while loading, or an error of the engine's own: an end, and one with a reason.
        return FinalState.now("CRASHED", f"The run process failed: {type(error).__name__}: {error}")


def _shown(descriptor: RunDescriptor, reporter: EventReporter) -> Reporter:
    if not descriptor.show_lines:
        return reporter
    from homeport.engine.console import ConsoleReporter
    from homeport.runtime.echo import EchoingReporter

    return EchoingReporter(reporter, ConsoleReporter(descriptor.flow_run_name))


def _deliver(client: RunClient, descriptor: RunDescriptor, instance: str, spool: Spool, final: FinalState) -> int:
    try:
        finish(client, descriptor.attempt_id, final, instance=instance)
    except NOTHING_TO_DO as error:
        spool.note("stopped", error.message)
        return EXIT_STOPPED
    except ClientError as error:
        _say(f"the end of attempt {descriptor.attempt_id} was refused: {error.message}")
        return 1
    spool.note("finished")
    return EXIT_DONE


def _end_process_group() -> None:
    """Another attempt may be running by now: nothing of this one may go on, children included."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(EXIT_STOPPED)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _exit(code: int) -> None:
    """End now: threads that user code left behind would keep a finished run's process, and its slot, alive."""
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)


if __name__ == "__main__":
    _exit(main())
