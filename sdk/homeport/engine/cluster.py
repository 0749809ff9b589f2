"""What Dask and Ray have in common: trips wait in one line, a dispatcher sends them in groups, outcomes call back.

A group is one call of the cluster. Tasks that turn out to be short are sent several at a time, so that the cluster's
own cost is paid once for all of them; as long as nothing is known of a run's tasks, each is a group of its own.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from homeport.engine.asking_home import answered
from homeport.engine.cancellation import RunCancelled
from homeport.engine.homecoming import opened, retell
from homeport.engine.parcels import KEPT_CONSTANTS, Packer, Ware
from homeport.engine.worker_errors import WorkerDied, lost_worker

if TYPE_CHECKING:
    from homeport.engine.drivers import Call
    from homeport.engine.group_calls import GroupOutcome
    from homeport.engine.parcels import Parcel
    from homeport.engine.trips import Trip

GROUP_SECONDS = 0.1
"""How much work a group is meant to be."""
MOST_CALLS = 200
HOLD_SECONDS = 1.0
"""How long calls wait to be grouped, at most, while as many as the cluster can make at once are on their way."""
LARGE_WARE = 64 * 1024
"""Bytes from which on a ware is kept by the cluster itself, and not sent with each group."""
CLOSE_SECONDS = 30.0
LOOK_SECONDS = 5.0
"""How often a cluster that calls wait for is looked at: whether it is one that can make them."""

Member = tuple["Trip", "Parcel", list[Ware]]


class Cluster(ABC):
    """The cluster of one flow run. A kind says how to connect, send a group, stop calls, and disconnect."""

    kind: str
    """What it is called in messages."""

    def __init__(self, *, by_reference: bool) -> None:
        from homeport.runtime.connection import recorded_run_id

        mend = "Or use task_runner=ConcurrentTaskRunner(), which runs tasks in threads of one process."
        self.key = uuid4().hex
        self.path = [folder for folder in sys.path if folder] if by_reference else []
        # Only for a run that the control plane knows: the code of another one asks with its user's own key, if any.
        self.answers_questions = recorded_run_id() is not None
        self._packer = Packer(f"a {self.kind} worker", mend, by_reference=by_reference)
        self._line: deque[Trip] = deque()
        self._news: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._out: dict[int, tuple[Trip, Ended, Any]] = {}
        self._kept: dict[str, Any] = {}
        self._held: dict[str, list[Member]] = {}
        self._held_until = 0.0
        self._looked = 0.0
        self._seconds_each: dict[str, float] = {}
        self._unavailable: BaseException | None = None
        self._thread = threading.Thread(target=self._dispatch, name=f"homeport-{self.kind.lower()}", daemon=True)
        self._thread.start()

    # Of each kind.

    @abstractmethod
    def connect(self) -> None:
        """Make the cluster, or connect to it. In the dispatcher's thread, before anything is sent."""

    @abstractmethod
    def send(self, parcels: list[Parcel], wares: list[Ware], kept: list[Any], ended: Ended) -> Any:
        """Have a worker make these calls; the cluster's handle of the group. `ended` is told once, in any thread.

        `kept` are wares as `keep` returned them: the worker gets them as wares.
        """

    @abstractmethod
    def keep(self, ware: Ware) -> Any:
        """Have the cluster keep a large ware; its handle of it."""

    @abstractmethod
    def stop(self, calls: dict[str, Any]) -> None:
        """End these calls (by key, with the handle of their group), or see that they do not begin."""

    @abstractmethod
    def parallel(self) -> int:
        """How many calls the cluster can make at once, now."""

    @abstractmethod
    def why_lost(self, error: BaseException) -> str | None:
        """What to say of a worker that died; None if this error is another one."""

    look_seconds: float = LOOK_SECONDS
    """How often `look` is called while calls are out."""

    def look(self) -> None:  # noqa: B027 - most kinds see to it themselves
        """Look whether the cluster can make calls at all; `lose_all` if nobody should wait for that any longer."""

    @abstractmethod
    def disconnect(self) -> None:
        """Leave the cluster; end it if it was made for this run."""

    # What the engine calls.

    def submit(self, trip: Trip) -> None:
        """Make the trip's calls."""
        self._line.append(trip)
        self._news.put(_look)

    def cancel(self, trip: Trip) -> None:
        """End the call that is being made."""
        self._news.put(_look)
        if not self._stopping:
            self._stopping = True
            self._news.put(self._stop_cancelled)

    def close(self) -> None:
        """End, once nothing is waited for."""
        self._news.put(None)
        self._thread.join(CLOSE_SECONDS)

    _stopping = False
    _closing = False

    # In the dispatcher: one thread drives all task runs on, for what the cluster calls back in may not be held up.

    def _dispatch(self) -> None:
        try:
            self.connect()
        except Exception as error:
            self._unavailable = error
        try:
            while self._serve_once():
                pass
        finally:
            self.disconnect()

    def _serve_once(self) -> bool:
        try:
            self._hear()
            if not self._closing:
                trips = [self._line.popleft() for _ in range(len(self._line))]
                self._pack_all([(trip, call) for trip in trips if (call := trip.begin()) is not None])
                if self._held and time.monotonic() >= self._held_until:
                    self._release(list(self._held))
                if self._out and time.monotonic() >= self._looked + self.look_seconds:
                    self._looked = time.monotonic()
                    self.look()
        except Exception as error:
            # Whatever it is (the scheduler is gone, say): nobody may wait for these task runs for ever.
            self._give_up(error)
        return not self._closing

    def _give_up(self, error: Exception) -> None:
        self._unavailable = error
        lost = [trip for trip, _, _ in self._out.values()]
        lost += [trip for members in self._held.values() for trip, _, _ in members]
        self._out, self._held = {}, {}
        why = self.why_lost(error) or f"{self.kind} could not be spoken to ({type(error).__name__}: {error})"
        for trip in lost:
            trip.give_up(lost_worker(trip.task_run.task, f"{self.kind} worker", why))
        self._news.put(_look)  # what came to the line meanwhile is told as well

    def _hear(self) -> None:
        waits = [max(0.0, self._held_until - time.monotonic())] if self._held else []
        if self._out:
            waits.append(self.look_seconds)
        try:
            tell = self._news.get(timeout=min(waits, default=None))
            while True:  # one by one: if one raises, the others are still there
                if tell is None:
                    self._closing = True
                else:
                    tell()
                tell = self._news.get_nowait()
        except Empty:
            return

    def _pack_all(self, calls: list[tuple[Trip, Call]]) -> None:
        calls.reverse()
        fresh: dict[str, None] = {}
        while calls:
            trip, call = calls.pop()
            try:
                if self._unavailable is not None:
                    raise WorkerDied(
                        f"Task {trip.task_run.task.name!r} could not run: {self.kind} is not available "
                        f"({type(self._unavailable).__name__}: {self._unavailable})."
                    ) from self._unavailable
                parcel, wares = self._packer.pack(trip, call)
            except Exception as error:
                again = trip.go_on(None, error)
                if again is not None:
                    calls.append((trip, again))
                continue
            if not self._held:
                self._held_until = time.monotonic() + HOLD_SECONDS
            self._held.setdefault(parcel.function, []).append((trip, parcel, wares))
            fresh[parcel.function] = None
        self._release_some(list(fresh))

    def _release_some(self, functions: list[str]) -> None:
        """Send what is held of these functions: all, once it is known how long a call takes; else as many as fit."""
        for function in functions:
            if function in self._seconds_each:
                self._release([function])
                continue
            room = 2 * self.parallel() - len(self._out)
            held = self._held[function]
            for member in held[: max(0, room)]:
                self._send_group([member])
            del held[: max(0, room)]
            if not held:
                del self._held[function]

    def _release(self, functions: list[str]) -> None:
        for function in functions:
            held = len(self._held[function])
            each = self._seconds_each.get(function)
            size = 1
            if each is not None:
                size = max(1, min(MOST_CALLS, int(GROUP_SECONDS / each), held // (2 * self.parallel())))
            members = self._held.pop(function)  # not before the cluster was asked: it may not answer any more
            for begin in range(0, len(members), size):
                self._send_group(members[begin : begin + size])

    def _send_group(self, members: list[Member]) -> None:
        trips = {trip.number: trip for trip, _, _ in members}
        wares = {ware.key: ware for _, _, needed in members for ware in needed}
        small = [ware for ware in wares.values() if len(ware.data) <= LARGE_WARE]
        ended = Ended(self, trips, members[0][1].function)
        self._out.update((number, (trip, ended, None)) for number, trip in trips.items())
        if self._unavailable is not None:  # since they were held: nothing that is sent now would be heard of again
            ended.lost(self._unavailable)
            return
        try:
            kept = [self._keep(ware) for ware in wares.values() if len(ware.data) > LARGE_WARE]
            handle = self.send([parcel for _, parcel, _ in members], small, kept, ended)
        except Exception as error:
            ended.lost(error)
            return
        self._out.update((number, (trip, ended, handle)) for number, trip in trips.items())

    def _keep(self, ware: Ware) -> Any:
        if ware.key not in self._kept:
            if len(self._kept) > KEPT_CONSTANTS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[ware.key] = self.keep(ware)
        return self._kept[ware.key]

    def _stop_cancelled(self) -> None:
        self._stopping = False
        for function in list(self._held):
            kept = []
            for member in self._held.pop(function):
                if member[0].cancelled:
                    member[0].go_on(None, RunCancelled())
                else:
                    kept.append(member)
            if kept:
                self._held[function] = kept
        calls = {f"{self.key}-{n}": handle for n, (_, _, handle) in self._out.items() if handle is not None}
        if calls:
            self.stop(calls)

    def hear(self, news: Callable[[], None]) -> None:
        """From any thread: have the dispatcher do this."""
        self._news.put(news)

    def asked(self, number: int, question: bytes, reply: Callable[[bytes], None]) -> None:
        """From any thread: a call asks something of the control plane; `reply` gets the answer, in another thread."""
        self._news.put(lambda: self._answer(number, question, reply))

    def _answer(self, number: int, question: bytes, reply: Callable[[bytes], None]) -> None:
        trip, _, _ = self._out.get(number, (None, None, None))

        def answer() -> None:
            with contextlib.suppress(Exception):  # a worker that is gone needs no answer
                reply(answered(trip, question))

        if trip is None:
            threading.Thread(target=answer, name="homeport-answer", daemon=True).start()
        else:
            trip.task_run.run.places.threads.submit(answer)

    def take(self, ended: Ended, function: str, found: GroupOutcome) -> None:
        """In the dispatcher: a group has ended."""
        trips = self._still_out(ended)
        if not trips:
            return
        for number, event in found.events:
            retell(event, trips[number].task_run)
        each = max(1e-6, found.seconds / len(trips))
        self._seconds_each[function] = 0.5 * each + 0.5 * self._seconds_each.get(function, each)
        calls: list[tuple[Trip, Call]] = []
        for number, outcome in found.outcomes:
            trip = trips[number]
            self._out.pop(number, None)
            value, error = opened(outcome, trip.task_run)
            if trip.cancelled and isinstance(error, KeyboardInterrupt):
                error = RunCancelled()
            again = trip.go_on(value, error)
            if again is not None:
                calls.append((trip, again))
        self._pack_all(calls)
        if function in self._held:
            self._release([function])

    def _still_out(self, ended: Ended) -> dict[int, Trip]:
        """The trips of this group, unless they were given up, and maybe sent again since."""
        return {n: trip for n, trip in ended.trips.items() if (out := self._out.get(n)) is not None and out[1] is ended}

    def lose_all(self, error: BaseException) -> None:
        """In the dispatcher: no call that is out, or is held, will be made."""
        groups = {ended: handle for _, ended, handle in self._out.values()}
        held = {trip.number: trip for members in self._held.values() for trip, _, _ in members}
        self._held = {}
        for ended in groups:
            self.lose(ended, error)
        self._lose(held, error)

    def lose(self, ended: Ended, error: BaseException) -> None:
        """In the dispatcher: a group was lost with its worker, or could not be sent."""
        self._lose(self._still_out(ended), error)

    def _lose(self, trips: dict[int, Trip], error: BaseException) -> None:
        why = self.why_lost(error)
        calls: list[tuple[Trip, Call]] = []
        for number, trip in trips.items():
            self._out.pop(number, None)
            raised: BaseException = error
            if trip.cancelled:
                raised = RunCancelled()
            elif why is not None:
                raised = lost_worker(trip.task_run.task, f"{self.kind} worker", why)
            again = trip.go_on(None, raised)
            if again is not None:
                calls.append((trip, again))
        self._pack_all(calls)


class Ended:
    """Who is told of the end of a group, by whichever thread of the cluster's library hears of it."""

    __slots__ = ("_cluster", "_function", "trips")

    def __init__(self, cluster: Cluster, trips: dict[int, Trip], function: str) -> None:
        self._cluster, self.trips, self._function = cluster, trips, function

    def with_outcome(self, found: GroupOutcome) -> None:
        """The calls were made."""
        self._cluster.hear(lambda: self._cluster.take(self, self._function, found))

    def lost(self, error: BaseException) -> None:
        """They were not, or nobody knows."""
        self._cluster.hear(lambda: self._cluster.lose(self, error))


def _look() -> None:
    """Look at the line."""
