"""Sending what a dead run process left in its spool, with its own token, as it would have done."""

from __future__ import annotations

import asyncio
import json

from homeport.client.async_client import AsyncClient
from homeport.client.errors import ClientError, Unreachable
from homeport.client.outcomes import expect
from homeport.client.retries import retry_delay
from homeport.runtime.spool import read_events
from homeport_agent.attempt_records import AttemptRecord

BATCH_EVENTS = 2_000
BATCH_BYTES = 512 * 1024


async def replay(record: AttemptRecord, url: str) -> bool:
    """Deliver the spooled events, however long the control plane is away; False when it refused them."""
    if not any(record.spool.glob("*.jsonl")):
        return True
    async with AsyncClient(url, record.run_token) as client:
        try:
            mark = await _report(client, record.attempt_id, [])
            while batch := _batch(record, mark):
                reached = await _report(client, record.attempt_id, batch)
                if reached <= mark:
                    return False
                mark = reached
        except ClientError:
            return False  # superseded, or its token has ended: nobody waits for these events any more
    return True


def _batch(record: AttemptRecord, mark: int) -> list[bytes]:
    lines: list[bytes] = []
    size = 0
    for _, line in read_events(record.spool, after=mark):
        size += len(line)
        lines.append(line)
        if len(lines) >= BATCH_EVENTS or size >= BATCH_BYTES:
            break
    return lines


async def _report(client: AsyncClient, attempt_id: str, lines: list[bytes]) -> int:
    variables = {"attemptId": attempt_id, "batch": {"events": [json.loads(line) for line in lines]}}
    failures = 0
    while True:
        try:
            data = await client.execute("reportEvents", variables)
            return int(expect(data["reportEvents"], "EventsAcknowledged")["acknowledgedSeq"])
        except Unreachable as error:
            failures += 1
            await asyncio.sleep(retry_delay(error, failures, longest=10.0) or 10.0)
