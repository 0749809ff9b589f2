"""A desk: the thread that serves one worker process, and replaces it when it has died."""

from __future__ import annotations

import contextlib
import threading
import time
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any

from homeport.engine.asking_home import answered
from homeport.engine.cancellation import RunCancelled
from homeport.engine.decisions import TimeLimitReached
from homeport.engine.drivers import Call
from homeport.engine.homecoming import opened, retell
from homeport.engine.outgoing import PIECE
from homeport.engine.process_worker import (
    ANSWER,
    CALLS,
    CANCEL,
    CLEAR,
    EVENT,
    GIVE_BACK,
    GIVEN_BACK,
    OUTCOME,
    PIECE_OF_RESULT,
    QUESTION,
    READY,
)
from homeport.engine.worker_bench import BEGUN
from homeport.engine.worker_errors import how_it_ended, lost_worker
from homeport.engine.worker_process import WorkerProcess

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from homeport.engine.parcels import Parcel, Ware
    from homeport.engine.process_pool import ProcessPool
    from homeport.engine.trips import Trip

BATCH_SECONDS = 0.02
"""How much work a worker is handed at a time: enough that it never waits, little enough to be fair."""
MOST_CALLS = 256
WARES_BYTES, MOST_WARES = 256 << 20, 64
"""What a worker keeps of functions and constants before it forgets them all and gets anew what it needs."""
GRACE_SECONDS = 3.0
"""How long a call that was cancelled, or whose time is over, gets to end before its process is killed."""


class Desk(threading.Thread):
    """Serves one process until the pool is closed."""

    def __init__(self, pool: ProcessPool) -> None:
        super().__init__(name="homeport-desk", daemon=True)
        self._pool = pool
        self._process: WorkerProcess | None = None
        self._sent: dict[str, int] = {}
        self._seconds_each = BATCH_SECONDS
        self._heard = 0.0
        self._asked_back = False
        self._gave_back = False
        self._taken: list[Trip] = []
        self._pieces: list[Any] = []
        self.out: dict[int, Trip] = {}

    def run(self) -> None:
        """Serve."""
        try:
            while self._serve_once():
                pass
        finally:
            if self._process is not None:
                self._process.end()

    def _serve_once(self) -> bool:
        try:
            if not self._hand_out():
                return False
            if self.out:
                self._listen()
        except Exception as error:
            # Whatever it is (no more processes, no more memory): nobody may wait for these task runs for ever.
            self._give_up(error)
        return True

    def cancel(self, trip: Trip) -> None:
        """From any thread: end this call."""
        process = self._process
        if process is None:
            return
        process.send((CANCEL, trip.number))
        self._later(trip, GRACE_SECONDS, process)

    def ask_back(self) -> None:
        """From any thread: have the worker give back calls that it has not begun."""
        process = self._process
        if process is not None and not self._asked_back:
            self._asked_back = True
            process.send((GIVE_BACK, max(1, len(self.out) // 2)))

    def _hand_out(self) -> bool:
        """Send the worker as many calls as it should have; False when there will be no more."""
        wanted = min(MOST_CALLS, max(1, int(BATCH_SECONDS / self._seconds_each))) if self._process is not None else 1
        if len(self.out) > wanted // 2 or (self._gave_back and self.out):
            return True
        trips = self._pool.take(wanted - len(self.out), waits=not self.out)
        if trips is None:
            return bool(self.out)
        if self._process is None:
            self._taken = trips
            self._process = WorkerProcess()
            self._taken = []
        self._send([(trip, call) for trip in trips if (call := trip.begin()) is not None])
        if len(self.out) > 1 and self._pool.somebody_is_idle():
            self.ask_back()  # it had nothing to ask for when it became idle
        return True

    def _send(self, calls: list[tuple[Trip, Call]]) -> None:
        """Send calls. One that cannot be is an exception of its task run, which may have another call then."""
        parcels: list[Parcel] = []
        wares: list[Ware] = []
        for trip, first in calls:
            call: Call | None = first
            while call is not None:
                try:
                    with self._pool.packing:
                        parcel, needed = self._pool.packer.pack(trip, call)
                except Exception as error:
                    call = trip.go_on(None, error)
                    continue
                parcels.append(parcel)
                wares += needed
                self.out[trip.number] = trip
                break
        if parcels and self._process is not None:
            if len(self.out) == len(parcels):
                self._heard = time.monotonic()
            self._send_parcels(self._process, parcels, wares)

    def _send_parcels(self, process: WorkerProcess, parcels: list[Parcel], wares: list[Ware]) -> None:
        if len(self._sent) > MOST_WARES or sum(self._sent.values()) > WARES_BYTES:
            self._sent.clear()
            process.send((CLEAR,))
        new = {ware.key: ware.data for ware in wares if ware.key not in self._sent}
        self._sent.update((key, len(data)) for key, data in new.items())
        # What is large travels beside the message, and not as another copy in it.
        told = [(key, PickleBuffer(data) if _is_large(data) else data) for key, data in new.items()]
        calls = [
            parcel._replace(arguments=PickleBuffer(parcel.arguments)) if _is_large(parcel.arguments) else parcel
            for parcel in parcels
        ]
        process.send((CALLS, calls, told))  # if it is gone, it is missed when it is listened to
        for parcel in parcels:
            trip = self.out[parcel.number]
            if trip.cancelled:
                self.cancel(trip)
            elif parcel.timeout is not None:
                self._later(trip, parcel.timeout + GRACE_SECONDS, process)

    def _later(self, trip: Trip, seconds: float, process: WorkerProcess) -> None:
        """Kill the process if the call still runs then: it does not listen to signals."""
        call = trip.call

        def look() -> None:
            if trip.number not in self.out or trip.call is not call or self._process is not process:
                return
            left = self._heard + seconds - time.monotonic()
            if next(iter(self.out)) != trip.number or (left > 0 and not trip.cancelled):
                trip.task_run.run.places.threads.later(max(left, 0.1), look)
            else:
                process.kill()

        trip.task_run.run.places.threads.later(seconds, look)

    def _listen(self) -> None:
        assert self._process is not None
        messages = self._process.reader.read()
        if messages is None:
            self._bury(self._process)
            return
        again: list[tuple[Trip, Call]] = []
        ended = 0
        for kind, number, more in messages:
            if kind == READY:
                self._heard = time.monotonic()  # the time that its start took is not that of its first call
            elif kind == PIECE_OF_RESULT:
                self._pieces.append(more)
                self._heard = time.monotonic()  # the call has ended in time: what takes long now is its result
            elif kind == OUTCOME:
                self._gave_back = False
                trip = self.out.pop(number)
                ended += 0 if self._pieces else 1
                pieces, self._pieces = self._pieces, []
                call = trip.go_on(*opened(more, trip.task_run, pieces))
                if call is not None:
                    again.append((trip, call))
            elif kind == EVENT:
                if more[0] == BEGUN:
                    self._heard = time.monotonic()
                elif number in self.out:  # or a thread tells it, that the call has left behind
                    retell(more, self.out[number].task_run)
            elif kind == QUESTION:
                self._answer(self._process, self.out.get(number), *more)
            elif kind == GIVEN_BACK:
                self._asked_back, self._gave_back = False, True  # until it has shown that it gets on
                self._pool.put_back([self.out.pop(one) for one in more if one in self.out])
        if ended:
            now = time.monotonic()
            self._seconds_each = 0.5 * self._seconds_each + 0.5 * max(1e-6, (now - self._heard) / ended)
            self._heard = now
        if again:
            self._send(again)

    def _answer(self, process: WorkerProcess, trip: Trip | None, key: int, question: bytes) -> None:
        if trip is None:
            _send_answer(process, None, key, question)
            return
        # In another thread: it may take a while, and this one brings the outcomes of all calls.
        trip.task_run.run.places.threads.submit(lambda: _send_answer(process, trip, key, question))

    def _give_up(self, error: Exception) -> None:
        process, self._process, self._sent = self._process, None, {}
        lost, self.out, self._taken, self._pieces = [*self.out.values(), *self._taken], {}, [], []
        if process is not None:
            process.kill()
            process.end()
        for trip in lost:
            trip.give_up(error)

    def _bury(self, process: WorkerProcess) -> None:
        """The process has died: the call that it was making is lost, the others are not."""
        code = process.end()
        self._process, self._sent, self._pieces = None, {}, []
        self._asked_back = self._gave_back = False
        self._seconds_each = BATCH_SECONDS
        first, *others = self.out.values()
        self.out = {}
        self._pool.put_back(others)
        error: BaseException
        call = first.call
        if first.cancelled:
            error = RunCancelled()
        elif call is not None and call.timeout is not None and time.monotonic() - self._heard > call.timeout:
            error = TimeLimitReached(call.timeout)
        else:
            worker = f"worker process {process.pid} of the ProcessTaskRunner"
            error = lost_worker(first.task_run.task, worker, how_it_ended(code))
        with contextlib.suppress(IndexError):
            again = first.go_on(None, error)
            if again is not None:
                self._pool.put_back([first])


def _is_large(data: object) -> TypeIs[bytes]:
    return type(data) is bytes and len(data) > PIECE


def _send_answer(process: WorkerProcess, trip: Trip | None, key: int, question: bytes) -> None:
    process.send((ANSWER, key, answered(trip, question)))
