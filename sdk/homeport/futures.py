"""What stands for the result of a task that was submitted, before it has one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from uuid import UUID

    from homeport.engine.states import State
    from homeport.engine.task_runs import TaskRun

R = TypeVar("R")
_lock = threading.Lock()  # guards callbacks of all futures: held for an append or a swap only


class Future(Generic[R]):
    """A task run that will end. Give it to another task, or ask it for its result."""

    __slots__ = ("_callbacks", "_state", "task_run")

    def __init__(self, task_run: TaskRun) -> None:
        self.task_run = task_run
        self._state: State | None = None
        self._callbacks: list[Callable[[Future[Any]], None]] | None = None

    @property
    def name(self) -> str:
        """The name of the task run."""
        return self.task_run.name

    @property
    def task_run_id(self) -> UUID:
        """The id of the task run."""
        return self.task_run.id

    @property
    def state(self) -> State:
        """The state now."""
        return self.task_run.state if self._state is None else self._state

    def get_state(self) -> State:
        """The state now."""
        return self.state

    def done(self) -> bool:
        """Whether the task run has ended."""
        return self._state is not None

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """The task's result, waited for up to `timeout` seconds; what the task raised is raised here.

        With `raise_on_failure=False` the exception is returned instead. For an async task of an async flow this is to
        be awaited. Raises TimeoutError when the task has not ended in time.
        """
        if self.task_run.awaited:
            return self._result_async(timeout, raise_on_failure)  # type: ignore[return-value]
        result: R = self._ended(timeout).result(raise_on_failure)
        return result

    def wait(self, timeout: float | None = None) -> State | None:
        """Wait for the end and return the final state; None if it has not come within `timeout` seconds.

        For an async task of an async flow this is to be awaited.
        """
        if self.task_run.awaited:
            return self._wait_async(timeout)  # type: ignore[return-value]
        return self.block(timeout)

    def block(self, timeout: float | None = None) -> State | None:
        """Wait in this thread, whatever kind of task it is; the final state, or None after `timeout` seconds."""
        if self._state is None:
            self.task_run.check_can_block()
            ended = threading.Event()
            self.when_done(lambda _: ended.set())
            with self.task_run.run.places.thread_waits():
                ended.wait(timeout)
        return self._state

    async def ended(self) -> State:
        """Wait without blocking the event loop; the final state."""
        if self._state is None:
            import asyncio

            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            self.when_done(lambda _: _tell(loop, ended.set))
            await ended.wait()
        assert self._state is not None
        return self._state

    def when_done(self, callback: Callable[[Future[Any]], None]) -> None:
        """Call back at the end, in the thread that ended it; at once if it has ended."""
        with _lock:
            if self._state is None:
                if self._callbacks is None:
                    self._callbacks = []
                self._callbacks.append(callback)
                return
        callback(self)

    def settle(self, state: State) -> None:
        """For the engine: the final state has come."""
        with _lock:
            self._state = state
            callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            for callback in callbacks:
                callback(self)

    def _ended(self, timeout: float | None) -> State:
        state = self._state or self.block(timeout)
        if state is None:
            raise TimeoutError(f"Task run {self.name!r} has not ended within {timeout:g} s; it is {self.state.name}.")
        return state

    async def _result_async(self, timeout: float | None, raise_on_failure: bool) -> Any:
        state = await self._wait_async(timeout)
        if state is None:
            raise TimeoutError(f"Task run {self.name!r} has not ended within {timeout:g} s; it is {self.state.name}.")
        return state.result(raise_on_failure)

    async def _wait_async(self, timeout: float | None) -> State | None:
        import asyncio

        try:
            return await asyncio.wait_for(self.ended(), timeout)
        except TimeoutError:
            return None

    def __await__(self) -> Generator[Any, None, Future[R]]:
        """`future = await task.submit(...)`, as 2.x wants it for async tasks, works; the result is not waited for."""
        yield from ()
        return self

    def __repr__(self) -> str:
        return f"<Future of task run {self.name!r}: {self.state.name}>"

    def __iter__(self) -> Any:
        raise TypeError(
            f"The result of task run {self.name!r} is not known yet, so it cannot be looped over. Give the future to "
            f"another task, use .map() on it, or ask for .result() first."
        )


class FutureList(list[Future[R]]):
    """The futures of a map, in the order of its arguments."""

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[R]:
        """All results; the first failure is raised. Of an async task in an async flow, this is to be awaited."""
        if self._awaited:
            return self._result_async(timeout, raise_on_failure)  # type: ignore[return-value]
        self.wait(timeout)
        return [future.state.result(raise_on_failure) for future in self]

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all have ended; raises TimeoutError when one has not within `timeout` seconds.

        Of an async task in an async flow, this is to be awaited.
        """
        if self._awaited:
            return self._wait_async(timeout)  # type: ignore[return-value]
        deadline = None if timeout is None else time.monotonic() + timeout
        for future in self:
            if future.block(None if deadline is None else max(0.0, deadline - time.monotonic())) is None:
                raise TimeoutError(f"Task run {future.name!r} has not ended within {timeout:g} s.")

        return None

    @property
    def _awaited(self) -> bool:
        return bool(self) and self[0].task_run.awaited

    async def _result_async(self, timeout: float | None, raise_on_failure: bool) -> list[R]:
        await self._wait_async(timeout)
        return [future.state.result(raise_on_failure) for future in self]

    async def _wait_async(self, timeout: float | None) -> None:
        import asyncio

        future: Future[R] | None = None
        try:
            async with asyncio.timeout(timeout):
                for future in self:
                    await future.ended()
        except TimeoutError:
            assert future is not None
            raise TimeoutError(f"Task run {future.name!r} has not ended within {timeout:g} s.") from None

    def __await__(self) -> Generator[Any, None, FutureList[R]]:
        """`futures = await task.map(...)`, as 2.x wants it for async tasks, works."""
        yield from ()
        return self


def _tell(loop: Any, function: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        return  # the loop is closed: nobody waits there any more


def as_completed(futures: list[Future[R]]) -> Generator[Future[R], None, None]:
    """The futures, each as soon as it has ended."""
    import queue

    ended: queue.SimpleQueue[Future[R]] = queue.SimpleQueue()
    for future in futures:
        future.when_done(ended.put)
    for _ in futures:
        yield ended.get()


def wait(futures: list[Future[Any]]) -> None:
    """Wait until all have ended."""
    for future in futures:
        future.block()
