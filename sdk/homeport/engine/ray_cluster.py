"""Ray: a cluster that is there, or one on this machine that is ended with the run."""

from __future__ import annotations

import contextlib
import itertools
import signal
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from homeport.engine.cluster import Cluster, Ended
from homeport.engine.extras import imported
from homeport.engine.group_calls import make_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeport.engine.parcels import Parcel, Ware
    from homeport.task_runners import RayTaskRunner

GRACE_SECONDS = 3.0
"""How long a call that was interrupted gets to end before its worker is killed."""
SHORTEST_LOOK, LONGEST_LOOK, LOOK_SHARE = 0.002, 0.05, 0.02
"""How long groups are waited for before those that were sent meanwhile are: a share of the time without news."""

HEAD_SECONDS = 2.0
"""How long the head of the cluster may take to accept a connection."""
HEAD_MISSES = 3
"""How often in a row it is not there before it is held for gone. Ray ends this process after 60 s without it."""
MOST_QUESTIONS = 10_000
"""How many questions may wait for their answers at a time."""


class HeadGone(Exception):  # noqa: N818 - named for what happened
    """The head of a cluster is gone."""


class RayCluster(Cluster):
    """This process as a driver of Ray."""

    kind = "Ray"

    def __init__(self, runner: RayTaskRunner) -> None:
        self._ray = imported("ray", extra="ray", needed_by="RayTaskRunner")
        self._runner = runner
        self._initialized_here = False
        self._make: Any = None
        self._watch: Watch | None = None
        self._mail: RayMail | None = None
        self._timers: list[threading.Timer] = []
        self._head: tuple[str, int] | None = None
        self._misses = 0
        super().__init__(by_reference=runner.address is None)

    def connect(self) -> None:
        """Join the cluster, or start one, unless this process is a driver already."""
        ray, runner = self._ray, self._runner
        if not ray.is_initialized():
            settings: dict[str, Any] = {"log_to_driver": False, **runner.init_kwargs}
            if runner.address is None:
                settings = {"include_dashboard": False, "configure_logging": False, **settings}
            else:
                settings["address"] = runner.address
            ray.init(**settings)
            self._initialized_here = True
        with contextlib.suppress(Exception):  # without the address nobody looks whether it is there
            host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
            self._head = (host.strip("[]"), int(port))
        self._make = ray.remote(**{"max_retries": 0, **runner.remote_options})(_make_group)
        self._watch = Watch(ray)
        if self.answers_questions:
            office = ray.remote(num_cpus=0, max_concurrency=MOST_QUESTIONS)(PostOffice).remote()
            self._mail = RayMail(office)
            self._look_for_questions(office)

    def send(self, parcels: list[Parcel], wares: list[Ware], kept: list[Any], ended: Ended) -> Any:
        """One Ray task, which Ray does not repeat: whether a task is tried again is not for it to say."""
        reference = self._make.options(name=parcels[0].who.task_name).remote(
            parcels, wares, self.path, self.key, self._mail, *kept
        )
        assert self._watch is not None
        self._watch.add(reference, lambda: self._tell(reference, ended))
        return reference

    def keep(self, ware: Ware) -> Any:
        """In Ray's object store."""
        return self._ray.put(ware)

    def stop(self, calls: dict[str, Any]) -> None:
        """Interrupted; killed if they do not end."""
        references = list(set(calls.values()))
        for reference in references:
            self._ray.cancel(reference)
        timer = threading.Timer(GRACE_SECONDS, self._kill, [references])
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def parallel(self) -> int:
        """The processors of the cluster."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def look(self) -> None:
        """Whether the head is there: Ray tells nobody of its end, and one minute later ends the process of the run."""
        if self._head is None or self._unavailable is not None:
            return
        try:
            socket.create_connection(self._head, HEAD_SECONDS).close()
        except OSError as error:
            self._misses += 1
            if self._misses >= HEAD_MISSES:
                self._unavailable = HeadGone(
                    f"the head of the Ray cluster at {self._head[0]}:{self._head[1]} is gone ({error}), and "
                    f"whether the call was made is not known. Its log gcs_server.out says why. Run the flow again when "
                    f"it is back"
                )
                self.lose_all(self._unavailable)
        else:
            self._misses = 0

    def why_lost(self, error: BaseException) -> str | None:
        """What Ray says of the worker's end."""
        if isinstance(error, HeadGone):
            return str(error)
        errors = self._ray.exceptions
        if isinstance(error, errors.OutOfMemoryError):
            return f"it needed more memory than there was ({_first_line(error)})"
        if isinstance(error, errors.WorkerCrashedError | errors.NodeDiedError):
            return f"it died while it ran the task (killed, or out of memory: {_first_line(error)})"
        return None

    def disconnect(self) -> None:
        """Shut down what was started here."""
        for timer in self._timers:
            timer.cancel()
            timer.join()
        if self._watch is not None:
            self._watch.end()
        if self._initialized_here:
            self._ray.shutdown()
        elif self._mail is not None:
            self._ray.kill(self._mail.office)

    def _look_for_questions(self, office: Any) -> None:
        asked = office.questions.remote()
        assert self._watch is not None
        self._watch.add(asked, lambda: self._hear_questions(office, asked))

    def _hear_questions(self, office: Any, asked: Any) -> None:
        try:
            found = self._ray.get(asked)
        except self._ray.exceptions.RayError:
            return  # the office is gone, and so is whoever asked there: a worker's question raises the same
        for key, number, question in found:
            self.asked(number, question, partial(office.answer.remote, key))
        self._look_for_questions(office)

    def _tell(self, reference: Any, ended: Ended) -> None:
        try:
            found = self._ray.get(reference)
        except Exception as error:
            ended.lost(getattr(error, "cause", None) or error)
        else:
            ended.with_outcome(found)

    def _kill(self, references: list[Any]) -> None:
        running = {handle for _, _, handle in list(self._out.values())}
        for reference in references:
            if self._ray.is_initialized() and reference in running:
                self._ray.cancel(reference, force=True)


class RayMail(NamedTuple):
    """The way to the office in which questions wait for an answer."""

    office: Any

    def line(self) -> Callable[[int, bytes], bytes]:
        """What asks."""
        import ray

        def ask(number: int, question: bytes) -> bytes:
            answer: bytes = ray.get(self.office.ask.remote(number, question))
            return answer

        return ask


class PostOffice:
    """An actor between the workers of one run and its process: Ray has no other way from a worker to its driver."""

    def __init__(self) -> None:
        import asyncio

        self._keys = itertools.count()
        self._asked: asyncio.Queue[tuple[int, int, bytes]] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[bytes]] = {}

    async def ask(self, number: int, question: bytes) -> bytes:
        """For a worker: the answer, once there is one."""
        import asyncio

        key = next(self._keys)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answers[key] = answer
        try:
            await self._asked.put((key, number, question))
            return await answer
        finally:
            del self._answers[key]

    async def questions(self) -> list[tuple[int, int, bytes]]:
        """For the process of the run: what was asked, once there is something."""
        found = [await self._asked.get()]
        while not self._asked.empty():
            found.append(self._asked.get_nowait())
        return found

    async def answer(self, key: int, answer: bytes) -> None:
        """For the process of the run: this is the answer."""
        waiting = self._answers.get(key)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)


class Watch:
    """A thread of ours that waits for what Ray makes.

    Ray would call back, too, but in a thread of its own, which lets go of references when the callback has returned;
    and it ends the whole process if that is after a shutdown. A thread of ours has ended before there is one.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._ready = threading.Condition()
        self._waiting: dict[Any, Callable[[], None]] = {}
        self._ends = False
        self._thread = threading.Thread(target=self._work, name="homeport-ray-watch", daemon=True)
        self._thread.start()

    def add(self, reference: Any, tell: Callable[[], None]) -> None:
        """Call `tell`, in this thread, once what the reference stands for has been made, or will not be."""
        with self._ready:
            self._waiting[reference] = tell
            self._ready.notify()

    def end(self) -> None:
        """End, whatever is waited for."""
        with self._ready:
            self._ends = True
            self._ready.notify()
        self._thread.join()

    def _work(self) -> None:
        heard = time.monotonic()
        while True:
            with self._ready:
                if not self._waiting:
                    self._ready.wait_for(lambda: self._waiting or self._ends)
                    heard = time.monotonic()
                if self._ends:
                    self._waiting.clear()
                    return
                references = list(self._waiting)
            timeout = min(LONGEST_LOOK, max(SHORTEST_LOOK, LOOK_SHARE * (time.monotonic() - heard)))
            made, _ = self._ray.wait(references, timeout=timeout, fetch_local=False)
            if not made:
                continue
            # One has ended: the others that have, too, are told in the same go.
            made, _ = self._ray.wait(references, num_returns=len(references), timeout=0, fetch_local=False)
            heard = time.monotonic()
            for reference in made:
                with self._ready:
                    tell = self._waiting.pop(reference)
                tell()


def _make_group(
    parcels: list[Parcel], wares: list[Ware], path: list[str], run_key: str, mail: RayMail | None, *kept: Ware
) -> Any:
    _be_interruptible()
    return make_group(parcels, [*wares, *kept], path, run_key, mail)


def _be_interruptible() -> None:
    """Ray interrupts a call as Ctrl-C does, which does nothing below what a script started by `&`: undo that here."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
