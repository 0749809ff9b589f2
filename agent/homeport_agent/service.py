"""The agent as a process: its name, its signals, its log, its exit code."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from dataclasses import replace

from homeport.client.async_client import AsyncClient
from homeport.client.errors import Forbidden, Refused, Unauthenticated, VersionMismatch
from homeport.engine.masking import masked
from homeport_agent import health, name_lock
from homeport_agent.agent import Agent
from homeport_agent.agent_client import AgentClient
from homeport_agent.attempt import Workshop
from homeport_agent.attempt_records import AttemptRecords
from homeport_agent.code_cache import CodeCache
from homeport_agent.flow_logs import FlowLogs
from homeport_agent.options import AgentOptions, default_name

log = logging.getLogger("homeport.agent")

EXIT_OK, EXIT_REFUSED, EXIT_OTHER_VERSION, EXIT_NOT_ALLOWED = 0, 1, 2, 4


def run_agent(options: AgentOptions) -> int:
    """Run an agent in this process until it is told to stop; the exit code.

    Raises NameTaken when another process on this host is that agent, and OSError when the health address is taken.
    """
    _log_to_stderr()
    lock = name_lock.take_name(options.home, options.name or default_name(), may_number=not options.name)
    return asyncio.run(_serve(replace(options, name=lock.name), lock))


async def _serve(options: AgentOptions, lock: name_lock.NameLock) -> int:
    async with AsyncClient(options.api_url, options.api_key) as transport:
        client = AgentClient(transport)
        records, cache = AttemptRecords(lock.folder), CodeCache(options.home)
        flow_logs = FlowLogs(lock.folder) if options.show_flow_logs else None
        workshop = Workshop(lock.name, options, client, records, cache, flow_logs)
        agent = Agent(workshop, client)
        _on_signals(agent)
        endpoint = await health.serve(*options.health_address, agent.health) if options.health_address else None
        following = asyncio.create_task(flow_logs.follow()) if flow_logs else None
        _greet(options)
        _tell_of_orphans(options)
        try:
            await agent.run()
        except Refused as error:
            log.error("agent %r ends: %s%s", lock.name, error.message, f" ({error.hint})" if error.hint else "")
            return _exit_code(error)
        finally:
            if following:
                following.cancel()
            if endpoint:
                endpoint.close()
        log.info("agent %r has stopped", lock.name)
        return EXIT_OK


def _exit_code(error: Refused) -> int:
    if isinstance(error, VersionMismatch):
        return EXIT_OTHER_VERSION
    return EXIT_NOT_ALLOWED if isinstance(error, Unauthenticated | Forbidden) else EXIT_REFUSED


def _greet(options: AgentOptions) -> None:
    queues = ", ".join(options.queues)
    labels = f", labels {', '.join(options.labels)}" if options.labels else ""
    log.info(
        "agent %r serves %s %s%s of %s; up to %d runs at once (Ctrl-C drains)",
        options.name,
        "queue" if len(options.queues) == 1 else "queues",
        queues,
        labels,
        options.api_url,
        options.capacity,
    )


def _tell_of_orphans(options: AgentOptions) -> None:
    for name, count in name_lock.left_without_agent(options.home).items():
        log.warning(
            "agent %r, which does not run, left %d run(s) behind; `homeport agent start --name %s` settles them",
            name,
            count,
            name,
        )


def _on_signals(agent: Agent) -> None:
    """The first signal drains; the second ends the runs as well."""
    seen: list[int] = []

    def on_signal(number: int) -> None:
        seen.append(number)
        name = signal.Signals(number).name
        agent.drain(name)
        if len(seen) == 2:
            log.info("%s again: ending the runs", name)
            agent.stop_runs(f"The agent was stopped by {name}.")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)


class _Masked(logging.Formatter):
    """Without the secrets of storages: their errors, and the tracebacks of those, may quote what they were given."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Masked("%(asctime)s | %(levelname)-7s | %(message)s", "%H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
