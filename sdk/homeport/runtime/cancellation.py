"""How a run is asked to stop: SIGTERM, which becomes RunCancelled in the main thread while user code runs there.

The agent sends it; so does the reporter's thread when the control plane's answer says "cancel". A signal rather than
an exception set from another thread, because it also ends a sleep, a read, a wait for a lock.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Cancellation:
    """One request to stop: the first counts, later ones change nothing."""

    def __init__(self) -> None:
        self.requested = False
        self._user_code_runs = False
        self._main = threading.main_thread().ident or 0
        self._pid = os.getpid()

    def install(self) -> None:
        """Listen to SIGTERM; only the main thread can."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def request(self) -> None:
        """Ask, from any thread."""
        signal.pthread_kill(self._main, signal.SIGTERM)

    @contextmanager
    def stops_user_code(self) -> Iterator[None]:
        """While this lasts, a request raises RunCancelled here; one that came before does so at once."""
        from homeport.engine.cancellation import RunCancelled

        self._user_code_runs = True
        try:
            if self.requested:
                raise RunCancelled()
            yield
        finally:
            self._user_code_runs = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # forked by user code, which expects a SIGTERM to end it
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        if self.requested:
            return
        self.requested = True
        if self._user_code_runs:
            from homeport.engine.cancellation import RunCancelled, requests

            requests.made += 1
            raise RunCancelled()
