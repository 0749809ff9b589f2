"""One attempt on this machine: its code fetched, its process started, watched, cancelled if asked, and settled."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass, replace
from typing import Any

from homeport.code.errors import StorageError, StorageUnreachable
from homeport_agent import exits, infrastructure, local_process, output_files, process_tree, settling
from homeport_agent.agent_client import AgentClient, Claim, Session
from homeport_agent.attempt_records import AttemptRecord, AttemptRecords
from homeport_agent.code_cache import CachedCode, CodeCache, CodeCacheError
from homeport_agent.flow_logs import FlowLogs
from homeport_agent.options import AgentOptions

log = logging.getLogger("homeport.agent")
FETCH_TRIES = 3
FETCH_PAUSE = 2.0
TRIM_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every attempt of an agent needs."""

    agent: str
    options: AgentOptions
    client: AgentClient
    records: AttemptRecords
    cache: CodeCache
    flow_logs: FlowLogs | None = None


class Attempt:
    """An attempt that this agent looks after, from its claim, or from the record of an earlier agent process."""

    def __init__(self, workshop: Workshop, session: Session, record: AttemptRecord) -> None:
        self._workshop = workshop
        self._session = session
        self.record = record
        self.runs = True
        self._cancelled: str | None = None
        self._dropped = False
        self._cancel = asyncio.Event()

    @property
    def id(self) -> str:
        """The attempt's id."""
        return self.record.attempt_id

    async def carry_out(self, claim: Claim) -> None:
        """Fetch, start, watch, settle: the whole life of a claimed attempt."""
        refusal = await asyncio.to_thread(infrastructure.refusal, claim, self._workshop.agent)
        if refusal is not None:
            await self._refuse(refusal)
            return
        code = await self._fetch(claim)
        if code is None:
            return
        try:
            process = self._spawn(claim, code)
        except (OSError, ValueError) as error:  # ValueError: a variable of `env` that no environment can hold
            await self._refuse(f"The run process could not be started on agent {self._workshop.agent!r}: {error}")
            return
        finally:
            code.close()
        log.info("run %s: started (pid %d)", self.record.flow_run_name, process.pid)
        await self._watch_and_settle(exits.of_child(process))

    async def adopt(self) -> None:
        """Look after what an earlier process of this agent left: watch it if it lives, settle it if it is dead."""
        found = await asyncio.to_thread(self._look_for_process)
        if found is not None:
            self._know(found.pid, found.start_time)
            log.info("run %s: adopted (pid %d)", self.record.flow_run_name, found.pid)
            await self._watch_and_settle(exits.of_adopted(found.pid, found.start_time))
        elif not self.record.spawned:
            self.runs = False
            reason = f"agent {self._workshop.agent!r} was restarted before it had started the run"
            await settling.give_back(self.record, reason, client=self._workshop.client, crashed=False)
        else:
            await self._settle(exits.Exit(None))

    async def give_back(self, reason: str) -> None:
        """Release the attempt without starting it."""
        self.runs = False
        await settling.give_back(self.record, reason, client=self._workshop.client, crashed=False)

    def cancel(self, reason: str) -> bool:
        """End the attempt: TERM, after the grace KILL of everything that belongs to it; its state is CANCELLED.

        False when it is being ended already.
        """
        if self._cancelled is not None:
            return False
        self._cancelled = reason
        self._cancel.set()
        return True

    def drop(self) -> bool:
        """The control plane does not know this attempt as current any more: end it, and say nothing about it."""
        self._dropped = True
        return self.cancel("it is no longer the current attempt")

    async def _refuse(self, reason: str) -> None:
        """End the attempt unstarted: its run is CRASHED with the reason, for it would fare no better here again."""
        self.runs = False
        log.warning("run %s: %s", self.record.flow_run_name, reason)
        await settling.give_back(self.record, reason, client=self._workshop.client, crashed=True)

    async def _fetch(self, claim: Claim) -> CachedCode | None:
        """The code; None when there is nothing to start any more, and the attempt has been given back or ended."""
        workshop = self._workshop
        try:
            code = await self._fetch_patiently(claim)
        except CodeCacheError as error:
            await self._refuse(f"Agent {workshop.agent!r} could not keep the code {claim.content_digest}: {error}")
            return None
        except Exception as error:
            said = str(error)
            if not isinstance(error, StorageError):  # a kind of storage that somebody else wrote may raise anything
                log.exception("run %s: its code was not fetched", self.record.flow_run_name)
                said = f"{type(error).__name__}: {error}"
            reason = f"Agent {workshop.agent!r} could not get the code {claim.content_digest} "
            await self._refuse(f"{reason}from {local_process.storage_text(claim)}: {said}")
            return None
        if self._cancelled is None:
            return code
        code.close()
        self.runs = False
        if self._dropped:
            await self.record.remove()
        else:
            await settling.cancel_unstarted(self.record, self._cancelled, client=workshop.client)
        return None

    async def _fetch_patiently(self, claim: Claim) -> CachedCode:
        """A storage that gives no answer is asked again a few times: shares come back."""
        for _ in range(FETCH_TRIES - 1):
            try:
                return await asyncio.to_thread(self._workshop.cache.acquire, claim.storage, claim.content_digest)
            except StorageUnreachable as error:
                log.warning("run %s: %s; asking again", self.record.flow_run_name, error)
                await asyncio.sleep(FETCH_PAUSE)
        return await asyncio.to_thread(self._workshop.cache.acquire, claim.storage, claim.content_digest)

    def _spawn(self, claim: Claim, code: CachedCode) -> local_process.Process:
        workshop = self._workshop
        self.record = workshop.records.spawning(self.record)
        descriptor = local_process.describe(
            claim, self.record, code.tree, workshop.options, self._session, workshop.agent
        )
        environment = local_process.environment_of(claim, self.record, code.tree, workshop.options)
        folder = infrastructure.working_dir(claim) or self.record.work
        process = local_process.start(self.record, descriptor, environment, code.lock, folder)
        self._know(process.pid, process_tree.start_time(process.pid) or 0.0)
        return process

    def _know(self, pid: int, start_time: float) -> None:
        """Write down the process; if the disk refuses, a next agent finds it by its environment."""
        try:
            self.record = self._workshop.records.spawned(self.record, pid, start_time)
        except OSError as error:
            log.warning("run %s: its pid was not written down: %s", self.record.flow_run_name, error)
            self.record = replace(self.record, pid=pid, start_time=start_time)

    def _look_for_process(self) -> process_tree.Found | None:
        record = self.record
        if record.pid and process_tree.start_time(record.pid) == record.start_time:
            return process_tree.Found(record.pid, record.start_time)
        # Killed between starting the process and writing its pid down.
        return process_tree.find_run_process(record.attempt_id) if record.spawned and not record.pid else None

    async def _watch_and_settle(self, ending: exits.Ending) -> None:
        watching = asyncio.ensure_future(ending)
        cancelling = asyncio.ensure_future(self._cancel.wait())
        either: set[asyncio.Future[Any]] = {watching, cancelling}
        while not watching.done() and not cancelling.done():
            await asyncio.wait(either, timeout=TRIM_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            output_files.trim(self.record.output)
            output_files.trim(self.record.errors)
        cancelling.cancel()
        if not watching.done():
            await self._end_process(watching)
        await self._settle(await watching)

    async def _end_process(self, watching: asyncio.Future[exits.Exit]) -> None:
        record = self.record
        log.info("run %s: ending it: %s", record.flow_run_name, self._cancelled)
        if not self._dropped:
            process_tree.send(process_tree.Found(record.pid, record.start_time), signal.SIGTERM)
            await asyncio.wait({watching}, timeout=self._session.cancel_grace_seconds)
        if not watching.done():
            await asyncio.to_thread(process_tree.kill, record.attempt_id, record.pid)

    async def _settle(self, end: exits.Exit) -> None:
        self.runs = False
        workshop = self._workshop
        if workshop.flow_logs is not None:
            workshop.flow_logs.end(self.record.folder)
        if self._dropped:
            await asyncio.to_thread(process_tree.kill, self.id, self.record.pid)
            await self.record.remove()
            return
        await settling.settle(
            self.record,
            end,
            client=workshop.client,
            url=workshop.options.api_url,
            agent=workshop.agent,
            cancelled=self._cancelled,
        )
