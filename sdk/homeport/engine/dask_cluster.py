"""Dask: a cluster that is there, or one that is made for the run and ended with it."""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
import time
from collections import deque
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from homeport.engine.cluster import LOOK_SECONDS, Cluster, Ended
from homeport.engine.extras import imported
from homeport.engine.group_calls import make_group, stop_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeport.engine.parcels import Parcel, Ware
    from homeport.task_runners import DaskTaskRunner

GOODBYE_SECONDS = 2.0
WARN_SECONDS = 10.0
"""After how long without workers the run's log says so."""
_answers: dict[str, SimpleQueue[bytes]] = {}


class DaskMail(NamedTuple):
    """The name of a queue at the scheduler, into which workers put questions; answers come to the worker that asked."""

    name: str

    def line(self) -> Callable[[int, bytes], bytes]:
        """What asks; Dask knows its worker by the context of this thread, which user code does not run in."""
        distributed = imported("distributed", extra="dask", needed_by="DaskTaskRunner")
        context, address = copy_context(), distributed.get_worker().address

        def ask(number: int, question: bytes) -> bytes:
            key, answers = uuid4().hex, SimpleQueue[bytes]()
            client = context.copy().run(distributed.get_client)
            questions = distributed.Queue(self.name, client=client)
            _answers[key] = answers
            try:
                questions.put((address, key, number, question))
                while True:
                    try:
                        # A cancellation raises between two instructions of Python, and not in the middle of a wait.
                        return answers.get(timeout=1.0)
                    except Empty:
                        continue
            finally:
                del _answers[key]
                questions.close()

        return ask


def deliver(key: str, answer: bytes) -> None:
    """In the process of a worker: whoever asked goes on with this answer."""
    if key in _answers:
        _answers[key].put(answer)


def _reply(run: Callable[..., Any], worker: str, key: str, answer: bytes) -> None:
    run(deliver, key, answer, workers=[worker])


class NoWorkers(Exception):  # noqa: N818 - named for what is the case
    """A cluster without workers."""


class SchedulerGone(Exception):  # noqa: N818 - named for what happened
    """The scheduler of a cluster is gone."""


class DaskCluster(Cluster):
    """A client of a Dask scheduler."""

    kind = "Dask"

    def __init__(self, runner: DaskTaskRunner) -> None:
        self._distributed = imported("distributed", extra="dask", needed_by="DaskTaskRunner")
        self._runner = runner
        self._client: Any = None
        self._made: Any = None
        self._groups = 0
        self._logger, self._quieted = logging.getLogger("distributed"), False
        self._mail: DaskMail | None = None
        self._questions: Any = None
        self._listener: threading.Thread | None = None
        self._alone_since: float | None = None
        self._warned = False
        if runner.no_workers_timeout is not None:
            self.look_seconds = min(LOOK_SECONDS, runner.no_workers_timeout / 4)
        self._ended: deque[tuple[Any, Ended]] = deque()
        super().__init__(by_reference=runner.address is None and runner.cluster is None and not runner.cluster_class)

    def connect(self) -> None:
        """Make the cluster, if it has to be made; then a client."""
        if self._logger.level == logging.INFO and not self._runner.debug:
            # INFO is its own default: each connection would be a line of the run.
            self._logger.setLevel(logging.WARNING)
            self._quieted = True
        runner = self._runner
        where = runner.address or runner.cluster
        if where is None:
            where = self._made = self._make()
            if runner.adapt_kwargs is not None:
                self._made.adapt(**runner.adapt_kwargs)
        self._client = self._distributed.Client(where, **{"set_as_default": False, **runner.client_kwargs})
        if self.answers_questions:
            self._mail = DaskMail(f"homeport-{self.key}")
            self._questions = self._distributed.Queue(self._mail.name, client=self._client)
            self._listener = threading.Thread(target=self._listen, name="homeport-dask-questions", daemon=True)
            self._listener.start()

    def send(self, parcels: list[Parcel], wares: list[Ware], kept: list[Any], ended: Ended) -> Any:
        """One Dask task, which Dask does not repeat: whether a task is tried again is not for it to say."""
        self._groups += 1
        name = f"{parcels[0].who.task_name}-{self.key}-{self._groups}"
        future = self._client.submit(
            make_group, parcels, [*wares, *kept], self.path, self.key, self._mail, key=name, pure=False, retries=0
        )
        future.add_done_callback(lambda future: self._heard(future, ended))
        return future

    def keep(self, ware: Ware) -> Any:
        """In the memory of a worker, from where the others get it."""
        return self._client.scatter([ware], hash=False)[0]

    def stop(self, calls: dict[str, Any]) -> None:
        """Threads of workers are told; what no worker has yet is taken back."""
        processing = {key for keys in self._client.processing().values() for key in keys}
        self._client.cancel([future for future in set(calls.values()) if future.key not in processing])
        self._client.run(stop_calls, list(calls))

    def parallel(self) -> int:
        """The threads of all workers; some, for a cluster that has none yet."""
        return sum(self._client.nthreads().values()) or 4

    def look(self) -> None:
        """Whether there are workers; tasks do not wait for ever for the first one, nor for one after the last."""
        if self._client.status in ("closing", "closed"):
            # Dask cancels the futures of a client that it closes, but not one that is made at that very moment.
            self.lose_all(self._scheduler_gone())
            return
        if self._client.status != "running":
            return  # it tries to reach the scheduler again, and closes if it cannot
        if self._client.nthreads():
            self._alone_since, self._warned = None, False
            return
        now, limit = time.monotonic(), self._runner.no_workers_timeout
        if self._alone_since is None:
            self._alone_since = now
        if limit is None or now - self._alone_since < limit:
            if not self._warned and now - self._alone_since >= WARN_SECONDS:
                self._warned = True
                trip, _, _ = next(iter(self._out.values()))
                wait = "without end" if limit is None else f"for up to {limit:g} s"
                trip.task_run.run.log(
                    "WARNING", f"The Dask cluster at {self._where()} has no workers; tasks wait {wait}."
                )
            return
        self._alone_since = None
        waiting = {handle for _, _, handle in self._out.values() if handle is not None}
        self.lose_all(
            NoWorkers(
                f"the cluster at {self._where()} has had no worker for {limit:g} s, and nothing was left to wait for. "
                f"Start workers there, or have tasks wait longer: DaskTaskRunner(no_workers_timeout=...)"
            )
        )
        self._client.cancel(list(waiting))

    def why_lost(self, error: BaseException) -> str | None:
        """Which worker died; Dask does not say how."""
        if isinstance(error, NoWorkers | SchedulerGone):
            return str(error)
        if isinstance(error, self._distributed.KilledWorker):
            return (
                f"{error.last_worker.address} died while it ran the task (killed, out of memory, or lost; the "
                f"worker's own log says more)"
            )
        if isinstance(error, OSError) or (self._client is not None and self._client.status != "running"):
            return str(self._scheduler_gone())
        return None

    def disconnect(self) -> None:
        """Close the client, and the cluster that was made."""
        if self._listener is not None:
            with contextlib.suppress(Exception):  # a scheduler that is gone needs no goodbye
                self._questions.put(None, timeout=GOODBYE_SECONDS)
                self._listener.join(GOODBYE_SECONDS)
                self._questions.close()
        if self._client is not None:
            self._client.close()
        if self._made is not None:
            self._made.close()
        if self._quieted:
            self._logger.setLevel(logging.INFO)

    def _make(self) -> Any:
        import dask

        runner = self._runner
        kind = runner.cluster_class or self._distributed.LocalCluster
        if isinstance(kind, str):
            module, _, name = kind.rpartition(".")
            kind = getattr(importlib.import_module(module), name)
        settings = dict(runner.cluster_kwargs)
        if kind is self._distributed.LocalCluster:
            quiet = False if runner.debug else logging.CRITICAL
            settings = {"dashboard_address": ":0", "silence_logs": quiet, **settings}
        # What a worker that dies has begun may have had effects: the engine decides whether it is tried again.
        with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
            return kind(**settings)

    def _listen(self) -> None:
        """Hear what workers ask, until the end."""
        run = self._client.run
        with contextlib.suppress(BaseException):  # the client was closed, or the scheduler is gone
            while (found := self._questions.get()) is not None:
                worker, key, number, question = found
                self.asked(number, question, partial(_reply, run, worker, key))

    def _heard(self, future: Any, ended: Ended) -> None:
        self._ended.append((future, ended))
        self.hear(self._gather)

    def _gather(self) -> None:
        """Fetch the outcomes of all groups that have ended, in one go."""
        groups = [self._ended.popleft() for _ in range(len(self._ended))]
        good = [(future, ended) for future, ended in groups if future.status == "finished"]
        for future, ended in groups:
            if future.status != "finished":
                ended.lost(self._why(future))
        try:
            found = self._client.gather([future for future, _ in good])
        except Exception as error:
            for _, ended in good:
                ended.lost(error if self._client.status == "running" else self._scheduler_gone())
            return
        for (_, ended), outcome in zip(good, found, strict=True):
            ended.with_outcome(outcome)

    def _why(self, future: Any) -> BaseException:
        if future.status == "error":
            error: BaseException = future.exception()
            return error
        # What this run gives up itself is not asked for: it was the client, which lost its connection.
        return self._scheduler_gone()

    def _scheduler_gone(self) -> SchedulerGone:
        gone = SchedulerGone(
            f"the connection to the scheduler at {self._where()} ended, and whether the call was made is not known. "
            f"The scheduler's own log says why (killed, out of memory, restarted?). Run the flow again when it is back"
        )
        if self._client is None or self._client.status != "running":
            self._unavailable = gone
        return gone

    def _where(self) -> str:
        scheduler = None if self._client is None else self._client.scheduler
        return str(self._runner.address or getattr(scheduler, "address", None) or "an address not known")
