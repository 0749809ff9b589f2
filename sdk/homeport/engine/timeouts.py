"""Ending a call that takes too long, even one that sleeps.

In the main thread the operating system's timer interrupts it. In any other thread the call moves to a thread of its
own: at the deadline that thread is told to stop, and is no longer waited for.
"""

from __future__ import annotations

import contextvars
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from homeport.engine.decisions import Abandoned, TimeLimitReached


class _Alarm(Abandoned):
    """The timer's interruption: of one limit, through everything inside it, to the call that set it."""

    is_over = False
    """Whether its call has ended: a timer that rings then is too late."""

    def is_on_its_way(self) -> bool:
        """Whether it has been raised, and what runs now is what cleans up on its way."""
        error = sys.exc_info()[1]
        while error is not None and error is not self:
            error = error.__context__
        return error is self


AGAIN_SECONDS = 0.1
_deadlines: list[tuple[float, _Alarm]] = []  # of the main thread, outermost first
_host: _HostTimer | None = None


def call_within(seconds: float, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the function; raises TimeLimitReached after `seconds`."""
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        return _by_timer(seconds, function, args, kwargs)
    return _by_thread(seconds, function, args, kwargs)


def raise_in_thread(thread: int, error: type[BaseException] | None) -> None:
    """Have the thread with this ident raise at its next bytecode; None takes back what it has not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error) if error else None)


def _by_timer(seconds: float, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    limit = _Alarm()
    try:
        return _armed(limit, seconds, function, args, kwargs)
    except _Alarm as alarm:
        if alarm is limit:
            raise TimeLimitReached(seconds) from None
        raise


def _armed(
    limit: _Alarm, seconds: float, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Make the call while the timer runs. It may ring at any line of this, also when the call has just ended."""
    global _host
    depth = len(_deadlines)
    if not depth:
        _host = _HostTimer()
    before = signal.signal(signal.SIGALRM, _on_alarm)
    _deadlines.append((time.monotonic() + seconds, limit))
    try:
        try:
            _arm()
            return function(*args, **kwargs)
        finally:
            limit.is_over = True
    finally:  # here it does not ring for this limit any more: it has, or it is over
        signal.setitimer(signal.ITIMER_REAL, 0)
        del _deadlines[depth:]  # what is inside was left behind, if one around it rang while it was left
        signal.signal(signal.SIGALRM, before)
        if _deadlines:
            _arm()
        elif _host is not None:
            _host.go_on()


class _HostTimer:
    """The timer that the program around us had set: the same signal, so ours stands in for it, and gives it back."""

    __slots__ = ("due", "every", "handler")

    def __init__(self) -> None:
        left, self.every = signal.setitimer(signal.ITIMER_REAL, 0)
        self.due = time.monotonic() + left if left else float("inf")
        self.handler = signal.getsignal(signal.SIGALRM)

    def ring(self, number: int, frame: FrameType | None) -> None:
        """Do what it would have done at this time."""
        self.due = self.due + self.every if self.every else float("inf")
        if callable(self.handler):
            self.handler(number, frame)
        elif self.handler is signal.SIG_DFL:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGALRM)

    def go_on(self) -> None:
        """Let it run on by itself."""
        if self.due != float("inf"):
            signal.setitimer(signal.ITIMER_REAL, max(self.due - time.monotonic(), 1e-6), self.every)


def _arm() -> None:
    if _deadlines:
        nearest = min((at for at, limit in _deadlines if not limit.is_over), default=float("inf"))
        if _host is not None:
            nearest = min(nearest, _host.due)
        if nearest == float("inf"):
            return
        # It rings again: where a destructor or a callback of a weak reference swallowed the first, the call goes on.
        signal.setitimer(signal.ITIMER_REAL, max(nearest - time.monotonic(), 1e-6), AGAIN_SECONDS)


def _on_alarm(number: int, frame: FrameType | None) -> None:
    now = time.monotonic() + 1e-4
    for at, limit in _deadlines:
        if at <= now and not limit.is_over:
            if limit.is_on_its_way():
                return
            raise limit
    if _host is not None and _host.due <= now:
        _arm_after_host(number, frame)
    else:
        _arm()


def _arm_after_host(number: int, frame: FrameType | None) -> None:
    assert _host is not None
    try:
        _host.ring(number, frame)
    finally:
        _arm()


def _by_thread(seconds: float, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return in_thread(function, *args, seconds=seconds, **kwargs)


def in_thread(function: Callable[..., Any], *args: Any, seconds: float | None = None, **kwargs: Any) -> Any:
    """Call the function in a thread of its own, with this context; raises TimeLimitReached after `seconds`."""
    outcome: list[tuple[Any, BaseException | None]] = []
    context = contextvars.copy_context()

    def call() -> None:
        try:
            outcome.append((context.run(function, *args, **kwargs), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=call, name="homeport-timed-call", daemon=True)
    thread.start()
    try:
        deadline = float("inf") if seconds is None else time.monotonic() + seconds
        while thread.is_alive() and (left := deadline - time.monotonic()) > 0:
            thread.join(min(left, 0.1))  # in short waits: only between two of them can this thread be told to stop
    finally:
        if thread.is_alive() and thread.ident is not None:
            raise_in_thread(thread.ident, Abandoned)
    if not outcome:
        raise TimeLimitReached(seconds or 0.0)
    value, error = outcome[0]
    if error is not None:
        raise error
    return value
