"""An agent inside the test's own event loop, told by a fake control plane over real HTTP."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from homeport.client.async_client import AsyncClient
from homeport_agent.agent import Agent
from homeport_agent.agent_client import AgentClient
from homeport_agent.attempt import Workshop
from homeport_agent.attempt_records import AttemptRecords
from homeport_agent.code_cache import CodeCache
from homeport_agent.options import AgentOptions
from tests.services.fake_control_plane import FakeControlPlane


@asynccontextmanager
async def agent(server: FakeControlPlane, folder: Path) -> AsyncIterator[Agent]:
    """The agent on this folder, until the block ends."""
    async with AsyncClient(server.url, "key") as transport:
        client = AgentClient(transport)
        options = AgentOptions(api_url=server.url, api_key="key", home=folder, name="a1", limit=2)
        made = Agent(Workshop("a1", options, client, AttemptRecords(folder), CodeCache(folder)), client)
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def until(look: Callable[[], object], what: str, within: float = 10.0) -> None:
    """Let the agent run until the fact holds."""
    deadline = time.monotonic() + within
    while not look():
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        await asyncio.sleep(0.01)
