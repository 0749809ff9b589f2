"""What of a registry, or of an engine, works from here; each step with what it took."""

from __future__ import annotations

import time
from collections.abc import Callable

from homeport.code.errors import CodeError, StorageDenied, StorageError, StorageUnreachable
from homeport.code.storage import CheckReport, CheckStep, StepName
from homeport_storage.images.engine import Engine
from homeport_storage.images.names import ImageName
from homeport_storage.images.registry import Registry

STEPS: tuple[StepName, ...] = ("reachable", "authenticated", "write", "read")
MENDS: dict[str, str] = {
    "reachable": "look whether the address is right and this machine may reach it (port, firewall, http or https)",
    "authenticated": "log in with docker login, or mend username and password: they are resolved on this machine",
    "write": "let this user push there (agents that only fetch need no more than pulling)",
    "read": "let this user pull from there",
}
START_ENGINE = "start the Docker engine, or name another with base_url or DOCKER_HOST; or give a registry_url"


def of_registry(
    name: ImageName,
    open_registry: Callable[[], Registry],
    open_engine: Callable[[], Engine],
    clock: Callable[[], float] = time.perf_counter,
) -> CheckReport:
    """Try each step until one fails; nothing is left behind. Never raises a StorageError."""
    storage, steps = f"the registry repository {name}", []
    try:
        registry = open_registry()
    except StorageError as error:
        return CheckReport(storage, _all([CheckStep("authenticated", False, str(error))]), MENDS["authenticated"])
    with registry:
        tries: tuple[tuple[StepName, Callable[[], object], str], ...] = (
            ("reachable", registry.look, "it answers"),
            ("read", lambda: registry.digest("latest"), "it may be read"),
            ("write", registry.try_to_write, f"an upload was begun and taken back; {_engine_here(open_engine)}"),
        )
        for step, call, evidence in tries:
            began = clock()
            try:
                call()
            except StorageDenied as error:
                steps.append(CheckStep("authenticated", False, str(error), clock() - began))
            except StorageUnreachable as error:
                steps.append(
                    CheckStep("reachable" if step == "reachable" else step, False, str(error), clock() - began)
                )
            except StorageError as error:
                steps.append(CheckStep(step, False, str(error), clock() - began))
            else:
                steps.append(CheckStep(step, True, evidence, clock() - began))
                if step == "read":
                    steps.append(CheckStep("authenticated", True, "it lets us in"))
                continue
            break
    failed = [step.name for step in steps if step.ok is False]
    return CheckReport(storage, _all(steps), MENDS[failed[0]] if failed else "")


def of_engine(open_engine: Callable[[], Engine], clock: Callable[[], float] = time.perf_counter) -> CheckReport:
    """Whether the engine answers; who may talk to it may do everything."""
    began = clock()
    try:
        with open_engine() as engine:
            steps = [CheckStep(name, True, "the engine answers", clock() - began) for name in STEPS]
            return CheckReport(f"the Docker engine at {engine.where}", tuple(steps))
    except CodeError as error:
        return CheckReport("the Docker engine", _all([CheckStep("reachable", False, str(error))]), START_ENGINE)


def _engine_here(open_engine: Callable[[], Engine]) -> str:
    """Without an engine nothing new is built; what is there can be fetched all the same."""
    try:
        with open_engine() as engine:
            return f"the Docker engine at {engine.where} can build"
    except CodeError as error:
        return f"this machine can build no image ({error})"


def _all(steps: list[CheckStep]) -> tuple[CheckStep, ...]:
    seen = {step.name: step for step in steps}
    return tuple(seen.get(name, CheckStep(name, None, "not tried")) for name in STEPS)
