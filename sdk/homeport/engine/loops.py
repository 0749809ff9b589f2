"""An event loop in a thread of its own, for the async tasks of a sync flow; so it works in notebooks, too."""

from __future__ import annotations

import threading
from contextvars import Context
from typing import TYPE_CHECKING, Any

from homeport.engine import states
from homeport.engine.cancellation import RunCancelled
from homeport.engine.drivers import drive_async

if TYPE_CHECKING:
    from homeport.engine.task_runs import TaskRun


class LoopThread:
    """The thread and its loop, until closed."""

    def __init__(self) -> None:
        import asyncio

        self._loop = asyncio.new_event_loop()
        self._jobs: set[Any] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="homeport-loop", daemon=True)
        self._thread.start()

    def start_task(self, task_run: TaskRun, context: Context) -> None:
        """Start an async task."""
        self._loop.call_soon_threadsafe(self._create, task_run, context)

    def close(self) -> None:
        """End the loop; what still runs on it is cancelled."""
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(5)

    def _create(self, task_run: TaskRun, context: Context) -> None:
        async def run() -> None:
            import asyncio

            try:
                await drive_async(task_run.steps())
            except (RunCancelled, asyncio.CancelledError):
                return
            finally:
                task_run.finish(states.Cancelled("The run was cancelled."))

        job = self._loop.create_task(run(), context=context)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        task_run.cancel_async = lambda: self._loop.call_soon_threadsafe(job.cancel)

    def _end(self) -> None:
        for job in list(self._jobs):
            job.cancel()
        self._loop.create_task(self._stop())

    async def _stop(self) -> None:
        import asyncio

        if self._jobs:
            await asyncio.wait(list(self._jobs), timeout=5)
        await self._loop.shutdown_asyncgens()
        self._loop.stop()
