"""A worker process: takes calls from a pipe, makes them in its main thread, and sends their outcomes back.

It ends when its pipe does, busy or not: nothing outlives the run that it belongs to.
"""

from __future__ import annotations

import itertools
import os
import queue
import signal
import threading
from functools import partial
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any

from homeport.engine.cancellation import RunCancelled
from homeport.engine.frames import HELD, FrameReader, FrameWriter
from homeport.engine.timeouts import raise_in_thread
from homeport.engine.worker_bench import Bench, Event

if TYPE_CHECKING:
    from typing_extensions import Buffer

READY, EVENT, OUTCOME, GIVEN_BACK, QUESTION = "ready", "event", "outcome", "given back", "question"
PIECE_OF_RESULT = "piece of result"
"""What a worker sends: (kind, number of the call or 0, more)."""
CALLS, CLEAR, CANCEL, GIVE_BACK, ANSWER = "calls", "clear", "cancel", "give back", "answer"
"""What it is sent: (kind, more)."""


class ProcessWorker:
    """The two threads of a worker: the main one makes calls, the other one listens."""

    def __init__(self, reader: FrameReader, writer: FrameWriter) -> None:
        self._reader, self._writer = reader, writer
        self._bench = Bench()
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._main = threading.get_ident()
        self._lock = threading.Lock()
        self._current = 0
        self._waiting: dict[int, Any] = {}
        self._cancelled: set[int] = set()
        self._questions = itertools.count(1)
        self._answers: dict[int, queue.SimpleQueue[bytes]] = {}

    def work(self) -> None:
        """Until the pipe ends."""
        signal.signal(signal.SIGTERM, self._on_sigterm)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run that this belongs to hears it, and decides
        threading.Thread(target=self._listen, name="homeport-listener", daemon=True).start()
        self._writer.write((READY, 0, os.getpid()))
        while (kind_and_more := self._messages.get()) is not None:
            kind, *more = kind_and_more
            if kind == CLEAR:
                self._bench.clear()
            else:
                self._make_all(*more)

    def _make_all(self, parcels: list[Any], wares: list[tuple[str, bytes]]) -> None:
        for key, data in wares:
            self._bench.keep(key, data)
        for parcel in parcels:
            with self._lock:
                if self._waiting.pop(parcel.number, None) is None:
                    continue  # given back
                self._current = parcel.number
            number = parcel.number
            outcome = self._bench.make(
                parcel, partial(self._tell, number), partial(self._ask, number), partial(self._send_piece, number)
            )
            while self._current:
                try:
                    self._current = 0
                except RunCancelled:  # it came when the call had just ended
                    continue
            self._writer.write((OUTCOME, number, outcome))

    def _send_piece(self, number: int, piece: Buffer) -> None:
        self._writer.write((PIECE_OF_RESULT, number, PickleBuffer(piece)))

    def _tell(self, number: int, event: Event) -> None:
        self._writer.write((EVENT, number, event))

    def _ask(self, number: int, question: bytes) -> bytes:
        key = next(self._questions)
        answers = self._answers[key] = queue.SimpleQueue()
        try:
            self._writer.write((QUESTION, number, (key, question)))
            return answers.get()
        finally:
            del self._answers[key]

    def _listen(self) -> None:
        if HELD:
            signal.pthread_sigmask(signal.SIG_BLOCK, HELD)  # they are for the main thread
        while (messages := self._reader.read()) is not None:
            for message in messages:
                kind, *more = message
                if kind == CALLS:
                    with self._lock:
                        self._waiting.update((parcel.number, parcel) for parcel in more[0])
                    self._messages.put(message)
                elif kind == CLEAR:
                    self._messages.put(message)
                elif kind == CANCEL:
                    self._cancel(more[0])
                elif kind == GIVE_BACK:
                    self._give_back(more[0])
                elif kind == ANSWER and (asked := self._answers.get(more[0])) is not None:
                    asked.put(more[1])
        with self._lock:
            if self._current:
                os._exit(1)
        self._messages.put(None)

    def _give_back(self, most: int) -> None:
        """Let go of up to `most` calls that have not begun, the last ones first: another worker has nothing to do."""
        with self._lock:
            numbers = list(self._waiting)[-most:]
            for number in numbers:
                del self._waiting[number]
        self._writer.write((GIVEN_BACK, 0, numbers))

    def _cancel(self, number: int) -> None:
        with self._lock:
            if number != self._current:
                return
            self._cancelled.add(number)
            if not hasattr(signal, "pthread_kill"):
                raise_in_thread(self._main, RunCancelled)
                return
            signal.pthread_kill(self._main, signal.SIGTERM)

    def _on_sigterm(self, number: int, frame: object) -> None:
        if not self._cancelled:  # from outside: it means the process
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        current = self._current
        if current in self._cancelled:
            self._cancelled.clear()
            raise RunCancelled
        self._cancelled.clear()


def main(read_fd: int, write_fd: int) -> None:
    """The program of a worker process."""
    ProcessWorker(FrameReader(read_fd), FrameWriter(write_fd, hold_signals=True)).work()
