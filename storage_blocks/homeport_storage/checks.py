"""What of a blob store works from here: reached, let in, may write, may read; each with what it took."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from homeport.blobs import BlobStore
from homeport.code.errors import SecretMissing, StorageDenied, StorageError, StorageUnreachable
from homeport.code.storage import CheckReport, CheckStep, StepName

CONTENT = b"homeport"
Tried = dict[StepName, tuple[StorageError | None, str, float | None]]
"""(what was raised, else what was seen, and the seconds) of each step."""
MENDS: dict[StepName, str] = {
    "reachable": "look whether the address is right and this machine may reach it (name, port, firewall, mount)",
    "authenticated": "look at the user and the secrets that the storage names: they are resolved on this machine",
    "write": "let this user write there (agents that only fetch need no more than reading)",
    "read": "let this user read what it has written there",
}


def check(store: BlobStore, clock: Callable[[], float] = time.perf_counter) -> CheckReport:
    """Look, write, read back, remove; what can still be told after a failure is told. Never raises a StorageError."""
    key = f"checks/{uuid.uuid4().hex}"

    def timed(call: Callable[[], object]) -> tuple[StorageError | None, float]:
        began = clock()
        try:
            call()
        except StorageError as error:
            return error, clock() - began
        return None, clock() - began

    def look() -> None:
        with suppress(KeyError):  # the answer that is expected
            list(store.read(key))

    def read_back() -> None:
        if b"".join(store.read(key)) != CONTENT:
            raise StorageError(f"{store.where} gave back something else than was written to it")

    looked, took = timed(look)
    if isinstance(looked, SecretMissing):
        return _report(store, {"authenticated": (looked, "", None)})
    if isinstance(looked, StorageUnreachable):
        return _report(store, {"reachable": (looked, "", took)})
    if isinstance(looked, StorageDenied):
        return _report(store, {"reachable": (None, "it answers", took), "authenticated": (looked, "", None)})
    steps: Tried = {"reachable": (None, "it answers", took), "authenticated": (None, "it lets us in", None)}
    written, took = timed(lambda: store.write(key, [CONTENT]))
    steps["write"] = (written, "a blob was written", took)
    if written is not None:
        # What is not there was said to be not there: that is told only to those who may read.
        steps["read"] = (looked, "it says what is there", None)
        return _report(store, steps)
    back, took = timed(read_back)
    removed, _ = timed(lambda: store.remove(key))
    kept = f"; {key} stays, it could not be removed: {removed.found}" if removed is not None else ""
    steps["read"] = (back, f"what was written was read back{kept}", took)
    return _report(store, steps)


def _report(store: BlobStore, tried: Tried) -> CheckReport:
    steps = [
        CheckStep(name, error is None, error.found if error else evidence, took)
        for name, (error, evidence, took) in tried.items()
    ]
    missing = [CheckStep(name, None, "not tried") for name in MENDS if name not in tried]
    failed = [(name, error) for name, (error, _, _) in tried.items() if error is not None]
    mend = (failed[0][1].mend or MENDS[failed[0][0]]) if failed else ""
    order: list[str] = list(MENDS)
    return CheckReport(store.where, tuple(sorted([*steps, *missing], key=lambda step: order.index(step.name))), mend)
