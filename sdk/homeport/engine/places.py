"""Where the tasks of a run are done: in its own thread, in worker threads, on an event loop, or in other processes."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, copy_context
from functools import cached_property
from typing import TYPE_CHECKING, Any

from homeport.engine import states
from homeport.engine.cancellation import RunCancelled
from homeport.engine.drivers import drive_async
from homeport.engine.gates import Gate
from homeport.engine.loops import LoopThread
from homeport.engine.threads import WorkerThreads

if TYPE_CHECKING:
    from homeport.engine.task_runs import TaskRun
    from homeport.engine.trips import Elsewhere
    from homeport.flows import Flow
    from homeport.futures import Future
    from homeport.task_runners import TaskRunner


class Places:
    """The threads and loops of one flow run, made when they are first needed."""

    def __init__(self, flow: Flow) -> None:
        self.is_async = flow.is_async
        self.max_workers = 1
        self.are_elsewhere = False
        self._runner: TaskRunner | None = None
        self._elsewhere: Elsewhere | None = None
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._gate: Gate | None = None
        self.loop: Any = None
        self.loop_thread = 0
        self.cancel_main: Callable[[], object] | None = None
        self._last_async: Future[Any] | None = None

    def use(self, runner: TaskRunner) -> None:
        """Submitted tasks are done as this task runner says."""
        self._runner = runner
        self.max_workers, self.are_elsewhere = runner.max_workers, runner.is_elsewhere
        if runner.max_async is not None:
            self._gate = Gate(runner.max_async)

    def elsewhere(self) -> Elsewhere:
        """The processes of a task runner that has some."""
        with self._lock:
            if self._elsewhere is None:
                assert self._runner is not None
                self._elsewhere = self._runner.elsewhere()
            return self._elsewhere

    @cached_property
    def threads(self) -> WorkerThreads:
        """The threads of submitted tasks."""
        return WorkerThreads(max(2, self.max_workers))

    @cached_property
    def loop_of_tasks(self) -> LoopThread:
        """The event loop for the async tasks of a sync flow."""
        return LoopThread()

    def stand_on_loop(self) -> None:
        """This async run's event loop is the one that runs now, in this thread."""
        import asyncio

        self.loop, self.loop_thread = asyncio.get_running_loop(), threading.get_ident()
        main = asyncio.current_task()
        if main is not None:
            self.cancel_main = main.cancel

    def in_loop(self) -> bool:
        """Whether this code runs in the thread of the run's event loop."""
        return self.loop_thread == threading.get_ident()

    def place(self, task_run: TaskRun, context: Context) -> None:
        """Do it where such a task belongs: on the event loop, in a worker thread, or here and now."""
        if self.are_elsewhere:
            from homeport.engine.trips import Trip

            elsewhere = self.elsewhere()
            elsewhere.submit(Trip(task_run, context, elsewhere, next(self._numbers)))
        elif task_run.task.is_async:
            if self._gate is None:
                self._place_on_loop(task_run, context)
            else:
                self._gate.enter(task_run.future, lambda: self._place_on_loop(task_run, context))
        elif self.max_workers == 1:
            context.run(task_run.here)
        else:
            self.threads.submit(lambda: task_run.work(context))

    def run_on_loop(self, task_run: TaskRun) -> None:
        """Do an async task of a sync flow, and wait for it in this thread."""
        self._place_on_loop(task_run, copy_context())
        task_run.future.block()

    def _place_on_loop(self, task_run: TaskRun, context: Context) -> None:
        if not self.is_async:
            self.loop_of_tasks.start_task(task_run, context)
            if self.max_workers == 1:
                task_run.future.block()
            return
        before = self._last_async if self.max_workers == 1 else None
        self._last_async = task_run.future

        async def in_turn() -> None:
            if before is not None:
                await before.ended()
            try:
                await drive_async(task_run.steps())
            except RunCancelled:
                if self.cancel_main is not None:
                    self.cancel_main()
            finally:
                task_run.finish(states.Cancelled("The run was cancelled."))

        def create() -> None:
            job = self.loop.create_task(in_turn(), context=context)
            task_run.cancel_async = lambda: self.loop.call_soon_threadsafe(job.cancel)

        if threading.get_ident() == self.loop_thread:
            create()
        else:
            self.loop.call_soon_threadsafe(create)

    def thread_waits(self) -> AbstractContextManager[None]:
        """While the calling thread waits for a task of this run."""
        return self.threads.thread_waits() if "threads" in self.__dict__ else nullcontext()

    def close(self) -> None:
        """End threads, loop and processes, once they are idle."""
        if self._elsewhere is not None:
            self._elsewhere.close()
        if "threads" in self.__dict__:
            self.threads.close()
        if "loop_of_tasks" in self.__dict__:
            self.loop_of_tasks.close()
