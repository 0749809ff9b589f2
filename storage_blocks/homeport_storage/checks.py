"""What of a blob store works from here: reached, let in, may write, may read; each with what it took."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from homeport.blobs import BlobStore
from homeport.code.errors import StorageDenied, StorageError, StorageUnreachable
from homeport.code.storage import CheckReport, CheckStep, StepName

CONTENT = b"homeport"
MENDS: dict[StepName, str] = {
    "reachable": "look whether the address is right and this machine may reach it (name, port, firewall, mount)",
    "authenticated": "look at the user and the secrets that the storage names: they are resolved on this machine",
    "write": "let this user write there (agents that only fetch need no more than reading)",
    "read": "let this user read what it has written there",
}


def check(store: BlobStore, clock: Callable[[], float] = time.perf_counter) -> CheckReport:
    """Try each step until one fails; nothing is left behind. Never raises a StorageError."""
    key = f"checks/{uuid.uuid4().hex}"
    steps: list[CheckStep] = []

    def timed(call: Callable[[], object]) -> tuple[StorageError | None, float]:
        began = clock()
        try:
            call()
        except StorageError as error:
            return error, clock() - began
        return None, clock() - began

    def read_back() -> None:
        if b"".join(store.read(key)) != CONTENT:
            raise StorageError(f"{store.where} gave back something else than was written to it")

    error, took = timed(lambda: store.size(key))
    reached = not isinstance(error, StorageUnreachable)
    steps.append(CheckStep("reachable", reached, str(error) if error and not reached else "it answers", took))
    if reached:
        let_in = not isinstance(error, StorageDenied)
        evidence = str(error) if error and not let_in else "it lets us in"
        steps.append(CheckStep("authenticated", let_in, evidence))
        if let_in and error is None:
            error, took = timed(lambda: store.write(key, [CONTENT]))
            steps.append(CheckStep("write", error is None, str(error or "a blob was written"), took))
            if error is None:
                error, took = timed(read_back)
                steps.append(CheckStep("read", error is None, str(error or "what was written was read back"), took))
                removed, _ = timed(lambda: store.remove(key))
                error = error or removed
        elif let_in:
            steps.append(CheckStep("write", False, str(error)))
    failed = [step for step in steps if step.ok is False]
    return CheckReport(store.where, _all(steps), MENDS[failed[0].name] if failed else "")


def _all(steps: list[CheckStep]) -> tuple[CheckStep, ...]:
    tried = {step.name for step in steps}
    return (*steps, *(CheckStep(name, None, "not tried") for name in MENDS if name not in tried))
