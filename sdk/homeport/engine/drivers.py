"""The two thin drivers. The engine is a generator of effects; a driver performs them, waiting or awaiting."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol

from homeport.engine.timeouts import call_within

if TYPE_CHECKING:
    import threading

    from homeport.futures import Future


class Effect(Protocol):
    """Something that takes time, done by a thread or by a coroutine."""

    def perform(self) -> Any:
        """Do it in this thread."""

    async def perform_async(self) -> Any:
        """Do it in this coroutine."""


Steps = Generator[Effect, Any, Any]


class Call:
    """Call the user's function, for at most `timeout` seconds."""

    __slots__ = ("args", "function", "kwargs", "timeout")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float | None
    ) -> None:
        self.function, self.args, self.kwargs, self.timeout = function, args, kwargs, timeout

    def perform(self) -> Any:
        """`fn()`."""
        try:
            if self.timeout is None:
                return self.function(*self.args, **self.kwargs)
            return call_within(self.timeout, self.function, self.args, self.kwargs)
        except GeneratorExit as error:  # the steps would take it for their own end
            raise RuntimeError("The code raised GeneratorExit.") from error

    async def perform_async(self) -> Any:
        """`await fn()`."""
        if self.timeout is None:
            return await self.function(*self.args, **self.kwargs)
        import asyncio

        from homeport.engine.decisions import TimeLimitReached

        limit = asyncio.timeout(self.timeout)
        try:
            async with limit:
                return await self.function(*self.args, **self.kwargs)
        except TimeoutError:
            if limit.expired():
                raise TimeLimitReached(self.timeout) from None
            raise


class Pause:
    """Wait so many seconds; less if the run is stopped, which the engine looks at afterwards."""

    __slots__ = ("seconds", "stop")

    def __init__(self, seconds: float, stop: threading.Event) -> None:
        self.seconds, self.stop = seconds, stop

    def perform(self) -> None:
        """Wait in this thread."""
        self.stop.wait(self.seconds)

    async def perform_async(self) -> None:
        """Wait in this coroutine; stopping the run cancels it."""
        import asyncio

        await asyncio.sleep(self.seconds)


class Settle:
    """Wait until these task runs have ended, for at most `timeout` seconds in all."""

    __slots__ = ("futures", "timeout")

    def __init__(self, futures: list[Future[Any]], timeout: float | None = None) -> None:
        self.futures, self.timeout = futures, timeout

    def perform(self) -> None:
        """Wait in this thread."""
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        for future in self.futures:
            future.block(None if deadline is None else max(0.0, deadline - time.monotonic()))

    async def perform_async(self) -> None:
        """Wait in this coroutine."""
        import asyncio

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.timeout):
                for future in self.futures:
                    await future.ended()


class Io:
    """The engine's own work with files and networks, such as keeping a result; never on an event loop's thread."""

    __slots__ = ("args", "function")

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.function, self.args = function, args

    def perform(self) -> Any:
        """Do it in this thread."""
        return self.function(*self.args)

    async def perform_async(self) -> Any:
        """Do it in a thread, and wait in this coroutine."""
        import asyncio

        return await asyncio.to_thread(self.function, *self.args)


def drive(
    steps: Steps, *, until: frozenset[type] = frozenset(), value: Any = None, error: BaseException | None = None
) -> Any:
    """Perform all effects in this thread; what the generator returns.

    An effect whose type is in `until` is not performed but returned: the caller drives the same generator on when it
    is over, with its `value` or its `error`, so that no thread is kept waiting.
    """
    try:
        effect = steps.send(value) if error is None else steps.throw(error)
        while True:
            if type(effect) in until:
                return effect
            try:
                outcome = effect.perform()
            except BaseException as raised:
                effect = steps.throw(raised)
            else:
                effect = steps.send(outcome)
    except StopIteration as end:
        return end.value


async def drive_async(steps: Steps) -> Any:
    """Perform all effects in this coroutine; what the generator returns."""
    try:
        effect = steps.send(None)
        while True:
            try:
                outcome = await effect.perform_async()
            except BaseException as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(outcome)
    except StopIteration as end:
        return end.value
