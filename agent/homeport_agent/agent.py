"""The agent: registers, adopts what an earlier process left, polls, starts and ends runs, and drains.

A poll is held by the control plane until there is work or something to say; so an idle agent sleeps. It carries the
attempts that live here, and is the agent's heartbeat.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from typing import Any

from homeport.client.errors import (
    ClientError,
    NotFoundError,
    Refused,
    SessionSupersededError,
    Unreachable,
)
from homeport.client.retries import retry_delay
from homeport_agent.agent_client import AgentClient, Claim, Command, Poll, Session
from homeport_agent.attempt import Attempt, Workshop
from homeport_agent.outage import Outage

log = logging.getLogger("homeport.agent")

LONGEST_PAUSE = 10.0
SHORTEST_POLL = 1.0
LAST_ANSWER_SECONDS = 1.0
TELL_SECONDS = 15.0


class Agent:
    """One agent process; `run` lasts until it is drained, superseded or refused."""

    def __init__(self, workshop: Workshop, client: AgentClient) -> None:
        self._workshop = workshop
        self._options = workshop.options
        self._client = client
        self._session: Session | None = None
        self._attempts: dict[str, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._draining = False
        self._outage = Outage(log, self._options.api_url)
        self._polls = 0
        self._heard_at: float | None = None

    async def run(self) -> None:
        """Work until drained and the last run has ended. Raises the Refused error that ended it otherwise."""
        try:
            await self._register()
            if self._session is not None:
                self._adopt()
                await self._poll_until_drained()
        finally:
            if self._draining or self._attempts:
                await self._wait_for_runs()

    def drain(self, why: str) -> bool:
        """Take no new runs; `run` returns when those that are here have ended. False when it drains already."""
        if self._draining:
            return False
        running = sum(attempt.runs for attempt in self._attempts.values())
        log.info("draining (%s): no new runs are taken; %d running", why, running)
        self._draining = True
        self._changed.set()
        return True

    def stop_runs(self, why: str) -> None:
        """End every run here, as a cancelled one would be."""
        for attempt in list(self._attempts.values()):
            attempt.cancel(why)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the control plane was heard lately, and what this agent does."""
        silence = None if self._heard_at is None else time.monotonic() - self._heard_at
        limit = (self._session.poll_seconds + self._session.offline_seconds) if self._session else 0.0
        well = silence is not None and silence < limit
        return well, {
            "name": self._workshop.agent,
            "status": "ok" if well else "no answer from the control plane",
            "seconds_since_heard": None if silence is None else round(silence, 1),
            "running": sum(attempt.runs for attempt in self._attempts.values()),
            "limit": self._options.capacity,
            "draining": self._draining,
        }

    async def _register(self) -> None:
        """Register, however long the control plane is away; given up only when the agent is to end anyway."""
        while not self._draining:
            try:
                self._session = await self._client.register(self._options, self._workshop.agent)
            except Unreachable as error:
                await self._pause(error)
                continue
            self._heard()
            return

    def _adopt(self) -> None:
        for record in self._workshop.records.left_behind():
            assert self._session is not None, "an agent registers before it adopts"
            attempt = Attempt(self._workshop, self._session, record)
            self._look_after(attempt, attempt.adopt())

    # Polling

    async def _poll_until_drained(self) -> None:
        while not self._draining or any(attempt.runs for attempt in self._attempts.values()):
            if self._options.max_polls is not None and self._polls >= self._options.max_polls:
                self.drain(f"after {self._polls} polls")
                return
            asked_at = time.monotonic()
            try:
                poll = await self._poll()
            except Unreachable as error:
                await self._pause(error)
                continue
            except NotFoundError:
                log.warning("the control plane does not know this agent any more; registering again")
                await self._register()
                continue
            except Refused as error:
                running = sum(attempt.runs for attempt in self._attempts.values())
                log.error("no more runs are taken: %s (%d still running)", error.message, running)
                raise
            self._heard()
            if poll is None:
                continue
            self._polls += 1
            if not self._take(poll) and time.monotonic() - asked_at < SHORTEST_POLL:
                # An answer at once, with nothing new in it: a control plane that shuts down, or says again what is
                # being done already. Asking at once again would only keep both busy.
                await self._rest(SHORTEST_POLL)

    async def _poll(self) -> Poll | None:
        """One poll; None when it was given up because something changed here that it should tell."""
        self._changed.clear()
        limit = self._free_slots()
        asking: asyncio.Future[Poll] = asyncio.ensure_future(self._ask(limit))
        try:
            while not asking.done():
                changing = asyncio.ensure_future(self._changed.wait())
                either: set[asyncio.Future[Any]] = {asking, changing}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                changing.cancel()
                self._changed.clear()
                if asking.done():
                    break
                if limit == 0:
                    # Nothing can be lost with its answer: it brings commands only, and they are said again.
                    return None
                if self._draining:
                    return await self._poll_told_to_end(asking)
            return await asking
        finally:
            if not asking.done():
                asking.cancel()
            with contextlib.suppress(asyncio.CancelledError, ClientError):
                await asking

    async def _poll_told_to_end(self, asking: asyncio.Future[Poll]) -> Poll | None:
        """Make a held poll unable to claim, by a new session, and wait for what it had claimed before that.

        Hanging up would not do: the control plane might give a run to a poll that nobody listens to any more.
        """
        with contextlib.suppress(ClientError):
            self._session = await self._client.register(self._options, self._workshop.agent)
            await self._ask(0, wait=0.0)
        await asyncio.wait({asking}, timeout=LAST_ANSWER_SECONDS)
        try:
            return await asking if asking.done() else None
        except SessionSupersededError:
            return None

    def _ask(self, limit: int, wait: float | None = None) -> Coroutine[Any, Any, Poll]:
        assert self._session is not None, "an agent registers before it polls"
        live = list(self._attempts)
        return self._client.poll(self._session, limit=limit, live=live, draining=self._draining, wait=wait)

    def _free_slots(self) -> int:
        if self._draining:
            return 0
        return max(0, self._options.capacity - sum(attempt.runs for attempt in self._attempts.values()))

    def _take(self, poll: Poll) -> bool:
        """Do what the answer asks for; False when there was nothing new in it."""
        news = [self._accept(claim) for claim in poll.claims] + [self._obey(command) for command in poll.commands]
        return any(news)

    def _accept(self, claim: Claim) -> bool:
        if claim.attempt_id in self._attempts:
            return False
        assert self._session is not None, "claims come to a registered agent"
        try:
            record = self._workshop.records.create(claim)
        except OSError as error:
            self._keep(self._refuse(claim, error))
            return True
        attempt = Attempt(self._workshop, self._session, record)
        if self._draining:
            self._look_after(attempt, attempt.give_back("the agent is draining"))
            return True
        log.info("run %s: claimed (%s, attempt %d)", claim.flow_run_name, claim.flow_name, claim.attempt_number)
        self._look_after(attempt, attempt.carry_out(claim))
        return True

    def _obey(self, command: Command) -> bool:
        attempt = self._attempts.get(command.attempt_id or "")
        if command.kind == "DRAIN":
            return self.drain(command.reason)
        if attempt is not None and command.kind == "CANCEL":
            return attempt.cancel(command.reason or "Cancelled.")
        if attempt is not None and command.kind == "STOP_TRACKING":
            return attempt.drop()
        return False

    # Attempts

    def _look_after(self, attempt: Attempt, life: Coroutine[Any, Any, None]) -> None:
        self._attempts[attempt.id] = attempt
        self._keep(self._live(attempt, life))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _refuse(self, claim: Claim, error: OSError) -> None:
        """Without a record nothing is started: a full disk would make it a run that nobody remembers."""
        where = error.filename or self._workshop.records.folder
        reason = f"Agent {self._workshop.agent!r} cannot write to {where}: {error.strerror}"
        log.error("run %s: %s", claim.flow_run_name, reason)
        with contextlib.suppress(Refused):
            await self._client.release(claim.attempt_id, reason, crashed=True, retry_for=claim.lease_seconds)

    async def _live(self, attempt: Attempt, life: Coroutine[Any, Any, None]) -> None:
        try:
            await life
        except Exception:
            # Its lease runs out, and the control plane does what the flow asked for; the other runs go on.
            log.exception("run %s: this agent failed to look after it", attempt.record.flow_run_name)
        finally:
            attempt.runs = False
            self._attempts.pop(attempt.id, None)
            self._changed.set()

    async def _wait_for_runs(self) -> None:
        while any(attempt.runs for attempt in self._attempts.values()):
            self._changed.clear()
            await self._changed.wait()
        if not self._tasks:
            return
        _, untold = await asyncio.wait(self._tasks, timeout=TELL_SECONDS)
        for task in untold:
            task.cancel()
        if untold:
            log.warning(
                "the control plane is away: %d ended run(s) will be told by this agent's next start", len(untold)
            )

    # Outages

    def _heard(self) -> None:
        self._heard_at = time.monotonic()
        self._outage.over()

    async def _pause(self, error: ClientError) -> None:
        failures = self._outage.goes_on(error.message)
        await self._rest(retry_delay(error, failures, longest=LONGEST_PAUSE) or LONGEST_PAUSE)

    async def _rest(self, seconds: float) -> None:
        """Wait, unless something changes here that the control plane should know."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
