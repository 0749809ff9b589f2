"""Ctrl-C is heard once it was pressed.

Python raises KeyboardInterrupt wherever the program happens to be. In a destructor or a callback of the garbage
collector it is printed and forgotten: whoever waits would then wait on.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


def heard(updates: Iterator[T]) -> Iterator[T]:
    """The same updates; the next one raises KeyboardInterrupt if an earlier one was lost on its way."""
    before = signal.getsignal(signal.SIGINT)
    # Where a shell has put this into the background, Ctrl-C is not meant for it, and Python has no handler.
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield from updates
        return
    pressed = False

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, press)
    try:
        for update in updates:
            if pressed:
                raise KeyboardInterrupt
            yield update
    finally:
        signal.signal(signal.SIGINT, before)
