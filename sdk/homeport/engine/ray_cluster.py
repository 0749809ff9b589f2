"""Ray: a cluster that is there, or one on this machine that is ended with the run."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from homeport.engine.cluster import Cluster, Ended
from homeport.engine.extras import imported
from homeport.engine.group_calls import make_group

if TYPE_CHECKING:
    from homeport.engine.parcels import Parcel, Ware
    from homeport.task_runners import RayTaskRunner

GRACE_SECONDS = 3.0
"""How long a call that was interrupted gets to end before its worker is killed."""
CALLBACK_SECONDS = 0.05
"""How long Ray's thread gets to return from its last callback."""


class RayCluster(Cluster):
    """This process as a driver of Ray."""

    kind = "Ray"

    def __init__(self, runner: RayTaskRunner) -> None:
        self._ray = imported("ray", extra="ray", needed_by="RayTaskRunner")
        self._runner = runner
        self._initialized_here = False
        self._make: Any = None
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
        self._make = ray.remote(**{"max_retries": 0, **runner.remote_options})(_make_group)

    def send(self, parcels: list[Parcel], wares: list[Ware], kept: list[Any], ended: Ended) -> Any:
        """One Ray task, which Ray does not repeat: whether a task is tried again is not for it to say."""
        reference = self._make.options(name=parcels[0].who.task_name).remote(parcels, wares, self.path, self.key, *kept)
        reference.future().add_done_callback(lambda future: _tell(future, ended))
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
        timer.start()

    def parallel(self) -> int:
        """The processors of the cluster."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def why_lost(self, error: BaseException) -> str | None:
        """What Ray says of the worker's end."""
        errors = self._ray.exceptions
        if isinstance(error, errors.OutOfMemoryError):
            return f"it needed more memory than there was ({_first_line(error)})"
        if isinstance(error, errors.WorkerCrashedError | errors.NodeDiedError):
            return f"it died while it ran the task (killed, or out of memory: {_first_line(error)})"
        return None

    def disconnect(self) -> None:
        """Shut down what was started here."""
        # Ray ends the whole process if one of its own threads lets go of a reference after a shutdown, as it does on
        # its way back from the callback that told us of the last outcome. It cannot be asked whether it is back.
        time.sleep(CALLBACK_SECONDS)
        if self._initialized_here:
            self._ray.shutdown()

    def _kill(self, references: list[Any]) -> None:
        running = {handle for _, handle in list(self._out.values())}
        for reference in references:
            if self._ray.is_initialized() and reference in running:
                self._ray.cancel(reference, force=True)


def _make_group(parcels: list[Parcel], wares: list[Ware], path: list[str], run_key: str, *kept: Ware) -> Any:
    return make_group(parcels, [*wares, *kept], path, run_key)


def _tell(future: Any, ended: Ended) -> None:
    error = future.exception()
    if error is None:
        ended.with_outcome(future.result())
    else:
        ended.lost(getattr(error, "cause", None) or error)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
