"""What stands for the result of a task that was submitted, before it has one."""

# A future of a coroutine is asked otherwise than others, and is a future of "any result" as well: overloads overlap.
# mypy: disable-error-code="overload-overlap"

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from homeport.engine.states import R

if TYPE_CHECKING:
    from uuid import UUID

    from homeport.engine.states import State
    from homeport.engine.task_runs import TaskRun

    Async = Coroutine[Any, Any, "T"]
    """What calling an async task gives, and what asking its future gives in an async flow."""

    class Untyped:
        """Only Any is this: a future of a task whose result has no type is no future of a coroutine in particular."""


T = TypeVar("T")
U = TypeVar("U")
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
    def state(self) -> State[R]:
        """The state now."""
        return self.task_run.state if self._state is None else self._state

    def get_state(self) -> State[R]:
        """The state now."""
        return self.state

    def done(self) -> bool:
        """Whether the task run has ended."""
        return self._state is not None

    @overload
    def result(self: Future[Untyped], timeout: float | None = ..., raise_on_failure: bool = ...) -> Any: ...
    @overload
    def result(
        self: Future[Async[T]], timeout: float | None = ..., raise_on_failure: Literal[True] = ...
    ) -> Async[T]: ...
    @overload
    def result(self, timeout: float | None = ..., raise_on_failure: Literal[True] = ...) -> R: ...
    @overload
    def result(
        self: Future[Async[T]], timeout: float | None = ..., *, raise_on_failure: bool
    ) -> Async[T | BaseException]: ...
    @overload
    def result(self, timeout: float | None = ..., *, raise_on_failure: bool) -> R | BaseException: ...
    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """The task's result, waited for up to `timeout` seconds; what the task raised is raised here.

        With `raise_on_failure=False` the exception is returned instead. For an async task of an async flow this is to
        be awaited. Raises TimeoutError when the task has not ended in time.
        """
        if self.task_run.awaited:
            return self._result_async(timeout, raise_on_failure)
        return self._ended(timeout).result(raise_on_failure)

    @overload
    def wait(self: Future[Untyped], timeout: float | None = ...) -> Any: ...
    @overload
    def wait(self: Future[Async[T]], timeout: None = ...) -> Awaitable[State[T]]: ...
    @overload
    def wait(self: Future[Async[T]], timeout: float | None) -> Awaitable[State[T] | None]: ...
    @overload
    def wait(self, timeout: None = ...) -> State[R]: ...
    @overload
    def wait(self, timeout: float | None) -> State[R] | None: ...
    def wait(self, timeout: float | None = None) -> Any:
        """Wait for the end and return the final state; None if it has not come within `timeout` seconds.

        For an async task of an async flow this is to be awaited.
        """
        if self.task_run.awaited:
            return self._wait_async(timeout)
        return self.block(timeout)

    @overload
    def block(self, timeout: None = ...) -> State[R]: ...
    @overload
    def block(self, timeout: float | None) -> State[R] | None: ...
    def block(self, timeout: float | None = None) -> State[R] | None:
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


class FutureList(list[Future[T]]):
    """The futures of a map, in the order of its arguments."""

    def __init__(self, futures: Iterable[Future[T]] = (), *, awaited: bool = False) -> None:
        """`awaited`: of an async task in an async flow, which an empty one cannot say itself."""
        super().__init__(futures)
        self._awaited_if_empty = awaited

    @overload
    def result(self: FutureList[Untyped], timeout: float | None = ..., raise_on_failure: bool = ...) -> Any: ...
    @overload
    def result(
        self: FutureList[Async[U]], timeout: float | None = ..., raise_on_failure: Literal[True] = ...
    ) -> Async[list[U]]: ...
    @overload
    def result(self, timeout: float | None = ..., raise_on_failure: Literal[True] = ...) -> list[T]: ...
    @overload
    def result(
        self: FutureList[Async[U]], timeout: float | None = ..., *, raise_on_failure: bool
    ) -> Async[list[U | BaseException]]: ...
    @overload
    def result(self, timeout: float | None = ..., *, raise_on_failure: bool) -> list[T | BaseException]: ...
    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """All results, waited for up to `timeout` seconds; the first failure is raised.

        With `raise_on_failure=False` exceptions stand in the list instead. Of an async task in an async flow, this is
        to be awaited. Raises TimeoutError when one has not ended in time.
        """
        if self._awaited:
            return self._result_async(timeout, raise_on_failure)
        self.wait(timeout)
        return [future.state.result(raise_on_failure) for future in self]

    @overload
    def wait(self: FutureList[Untyped], timeout: float | None = ...) -> Any: ...
    @overload
    def wait(self: FutureList[Async[U]], timeout: float | None = ...) -> Awaitable[None]: ...
    @overload
    def wait(self, timeout: float | None = ...) -> None: ...
    def wait(self, timeout: float | None = None) -> Any:
        """Wait until all have ended; raises TimeoutError when one has not within `timeout` seconds.

        Of an async task in an async flow, this is to be awaited.
        """
        if self._awaited:
            return self._wait_async(timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        for future in self:
            if future.block(None if deadline is None else max(0.0, deadline - time.monotonic())) is None:
                raise TimeoutError(f"Task run {future.name!r} has not ended within {timeout:g} s.")

        return None

    @overload
    def get_states(self: FutureList[Untyped]) -> Any: ...
    @overload
    def get_states(self: FutureList[Async[U]]) -> Async[list[State[U]]]: ...
    @overload
    def get_states(self) -> list[State[T]]: ...
    def get_states(self) -> Any:
        """The final states, waited for. Of an async task in an async flow, this is to be awaited."""
        if self._awaited:
            return self._states_async()
        self.wait()
        return [future.state for future in self]

    @property
    def _awaited(self) -> bool:
        return self[0].task_run.awaited if self else self._awaited_if_empty

    async def _states_async(self) -> list[State[Any]]:
        return [await future.ended() for future in self]

    async def _result_async(self, timeout: float | None, raise_on_failure: bool) -> list[Any]:
        await self._wait_async(timeout)
        return [future.state.result(raise_on_failure) for future in self]

    async def _wait_async(self, timeout: float | None) -> None:
        import asyncio

        future: Future[T] | None = None
        try:
            async with asyncio.timeout(timeout):
                for future in self:
                    await future.ended()
        except TimeoutError:
            assert future is not None
            raise TimeoutError(f"Task run {future.name!r} has not ended within {timeout:g} s.") from None

    def __await__(self) -> Generator[Any, None, FutureList[T]]:
        """`futures = await task.map(...)`, as 2.x wants it for async tasks, works."""
        yield from ()
        return self


def _tell(loop: Any, function: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        return  # the loop is closed: nobody waits there any more


def as_completed(futures: Iterable[Future[T]]) -> Generator[Future[T], None, None]:
    """The futures, each as soon as it has ended."""
    import queue

    ended: queue.SimpleQueue[Future[T]] = queue.SimpleQueue()
    futures = list(futures)
    for future in futures:
        future.when_done(ended.put)
    for _ in futures:
        yield ended.get()


def wait(futures: Iterable[Future[Any]]) -> None:
    """Wait until all have ended."""
    for future in futures:
        future.block()
