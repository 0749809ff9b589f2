"""What can be watched: woken by wake-ups, read from the database, so that a missed wake-up costs only time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID

import strawberry

from homeport_control_plane import agents, flow_runs, logs
from homeport_control_plane.api.context import Context, Info
from homeport_control_plane.api.ids import id_of
from homeport_control_plane.api.permissions import READERS, subscription
from homeport_control_plane.api.run_types import FlowRun, LogLine
from homeport_control_plane.api.worker_types import Agent
from homeport_control_plane.errors import NotFound

LINES_A_MESSAGE = 500


@strawberry.type
class Subscription:
    @subscription(READERS)
    async def flow_run_changed(self, info: Info, id: strawberry.ID) -> AsyncGenerator[FlowRun, None]:
        """The run as it is now, and again after each change; ends after a final state."""
        context = info.context
        run_id = id_of("flow run", id)
        seen = None
        async with context.services.wakeups.waiter(f"run:{run_id}") as waiter:
            while not context.services.wakeups.stopping:
                run = await _run(context, run_id)
                if run != seen:
                    seen = run
                    yield FlowRun.of(run)
                if run.state.type.final:
                    return
                await waiter.wait(context.timings.slow_scan)

    @subscription(READERS)
    async def flow_run_logs(
        self, info: Info, id: strawberry.ID, after: str | None = None
    ) -> AsyncGenerator[list[LogLine], None]:
        """The run's lines after the cursor, in order, without gap or duplicate; ends with the run."""
        context = info.context
        run_id = id_of("flow run", id)
        async with context.services.wakeups.waiter(f"run:{run_id}") as waiter:
            while not context.services.wakeups.stopping:
                # Looked at before the lines: what a run reported before its end is then in the page below.
                over = (await _run(context, run_id)).state.type.final
                page = await logs.page(*context.scope, run_id, first=LINES_A_MESSAGE, after=after)
                if page.nodes:
                    after = page.end_cursor
                    yield [LogLine.of(line) for line in page.nodes]
                if page.has_next_page:
                    continue
                if over:
                    return
                await waiter.wait(context.timings.slow_scan)

    @subscription(READERS)
    async def agents_changed(self, info: Info) -> AsyncGenerator[Agent, None]:
        """Every agent as it is now, and each again when it changes."""
        context = info.context
        seen: dict[UUID, agents.Agent] = {}
        async with context.services.wakeups.waiter(f"agents:{context.tenant_id}") as waiter:
            while not context.services.wakeups.stopping:
                page = await agents.page(*context.scope, first=1000, timings=context.timings)
                for agent in reversed(page.nodes):
                    if seen.get(agent.id) != agent:
                        seen[agent.id] = agent
                        yield Agent.of(agent)
                await waiter.wait(context.timings.slow_scan)


async def _run(context: Context, run_id: UUID) -> flow_runs.FlowRun:
    run = await flow_runs.get(*context.scope, run_id)
    if run is None:
        raise NotFound("flow run", run_id)
    return run
