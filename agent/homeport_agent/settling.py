"""After a run process has ended: what it could not say any more is said for it, and nothing of it stays.

The order matters. Its children are ended first, so that nothing of the attempt runs once its end is told; its events
come before its final state; its folder goes last, when the control plane has everything.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

from homeport.client.errors import ClientError, InvalidTransitionError, Refused
from homeport.runtime.spool import has_note, read_note
from homeport_agent import output_files, process_tree
from homeport_agent.agent_client import AgentClient
from homeport_agent.attempt_records import AttemptRecord
from homeport_agent.exits import Exit
from homeport_agent.replay import replay

log = logging.getLogger("homeport.agent")
FOR_EVER = 10.0 * 365 * 24 * 3600


async def settle(
    record: AttemptRecord, end: Exit, *, client: AgentClient, url: str, agent: str, cancelled: str | None = None
) -> None:
    """Bring one ended attempt to its end. `cancelled` is the reason when we ended it because we were told to."""
    left = await asyncio.to_thread(process_tree.kill, record.attempt_id, record.pid)
    if left:
        log.info("run %s: ended %d process(es) it had left behind", record.flow_run_name, left)
    if has_note(record.spool, "finished"):
        await record.remove()
        return
    if has_note(record.spool, "stopped") and cancelled is None:
        log.info("run %s: this attempt was stopped: %s", record.flow_run_name, read_note(record.spool, "stopped"))
        await record.remove()
        return
    await replay(record, url)
    final = _final_state(record, end, agent, cancelled)
    try:
        await _tell(client, record, final)
        log.info("run %s: %s", record.flow_run_name, final["message"] or final["name"])
    except ClientError as error:
        log.info("run %s: its end was not taken: %s", record.flow_run_name, error.message)
    await record.remove()


async def give_back(record: AttemptRecord, reason: str, *, client: AgentClient, crashed: bool) -> None:
    """Release an attempt whose process was never started: back to the queue, or CRASHED with the reason."""
    try:
        await client.release(record.attempt_id, reason, crashed=crashed, retry_for=FOR_EVER)
    except Refused as error:
        log.info("run %s: it was not taken back: %s", record.flow_run_name, error.message)
    await record.remove()


async def cancel_unstarted(record: AttemptRecord, reason: str, *, client: AgentClient) -> None:
    """The run was cancelled before its process was started."""
    try:
        await client.finish(record.attempt_id, _state("CANCELLED", reason), retry_for=FOR_EVER)
    except Refused as error:
        log.info("run %s: its cancellation was not taken: %s", record.flow_run_name, error.message)
    await record.remove()


async def _tell(client: AgentClient, record: AttemptRecord, final: dict[str, Any]) -> None:
    try:
        await client.finish(record.attempt_id, final, retry_for=FOR_EVER)
    except InvalidTransitionError as error:
        if final["type"] == "PAUSED" and error.state_type == "CANCELLING":
            await client.finish(
                record.attempt_id, _state("CANCELLED", "Cancelled while it suspended."), retry_for=FOR_EVER
            )
            return
        if final["type"] != "CANCELLED":
            raise
        await client.finish(record.attempt_id, final | {"type": "CRASHED", "name": "Crashed"}, retry_for=FOR_EVER)


def _final_state(record: AttemptRecord, end: Exit, agent: str, cancelled: str | None) -> dict[str, Any]:
    decided = read_note(record.spool, "final.json")
    if isinstance(decided, dict):
        return decided  # the flow had ended; only the telling was cut short
    if cancelled is not None:
        return _state("CANCELLED", cancelled)
    message = f"The run process {end.words} on agent {agent!r}"
    message += " without saying how the flow ended." if end.code == 0 else "."
    tail = output_files.error_tail(record.errors)
    return _state("CRASHED", f"{message} Its last words:\n{tail}" if tail else message)


def _state(type: str, message: str) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"type": type, "name": type.capitalize(), "message": message, "at": at}
