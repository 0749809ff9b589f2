"""What of a block works from here: its secrets, and the storage that it describes, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from homeport.blocks.errors import BlockError
from homeport.blocks.kept import KeptBlock
from homeport.blocks.types import block_type
from homeport.code.errors import CodeError


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried; `ok` is None where an earlier step made it pointless, or there was nothing to try."""

    name: str
    ok: bool | None
    evidence: str
    seconds: float | None = None
    mend: str = ""


@dataclass(frozen=True, slots=True)
class BlockReport:
    """What was seen, and how to mend what does not work (empty when all does)."""

    block: str
    steps: tuple[Step, ...]
    mend: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything that was tried works."""
        return all(step.ok is not False for step in self.steps)


def check_block(kept: KeptBlock, *, clock: Callable[[], float] = time.perf_counter) -> BlockReport:
    """Resolve the references here, open the storage, and try it. Never raises for what does not work."""
    try:
        is_storage = block_type(kept.type).is_storage
        kept.parsed()
    except BlockError as error:
        mend = error.hint or f"homeport block type inspect {kept.type}"
        return BlockReport(kept.slug, (Step("fields", False, str(error)),), mend)
    steps = [Step("fields", True, f"they fit the type {kept.type}")]
    for field, reference in kept.secrets.items():
        steps.append(resolved(field, reference, clock))
    missing = [step for step in steps if step.ok is False]
    if missing:
        # Trying to log in without the secret would only say that it was refused.
        untried = [Step(name, None, "not tried") for name in ("reachable", "authenticated", "write", "read")]
        return BlockReport(kept.slug, (*steps, *(untried if is_storage else ())), missing[0].mend)
    if not is_storage:
        return BlockReport(kept.slug, tuple(steps))
    return _storage(kept, steps)


def resolved(field: str, reference: str, clock: Callable[[], float] = time.perf_counter) -> Step:
    """Whether the secret that a field refers to can be had on this machine; its value is not kept."""
    from homeport.secrets import InvalidReference, SecretError, resolve

    began = clock()
    try:
        resolve(reference)
    except SecretError as error:
        return Step(f"secret {field}", False, error.found, clock() - began, error.mend)
    except InvalidReference as error:
        return Step(f"secret {field}", False, str(error), clock() - began, "homeport block update")
    except Exception as error:  # a keyring's backend may raise anything
        found = f"{reference} cannot be read: {type(error).__name__}"
        return Step(f"secret {field}", False, found, clock() - began, "Look whether this machine may read it there.")
    return Step(f"secret {field}", True, f"{reference} is there", clock() - began)


def _storage(kept: KeptBlock, steps: list[Step]) -> BlockReport:
    from homeport.code import open_storage

    try:
        report = open_storage(kept.reference).check()
    except CodeError as error:
        return BlockReport(kept.slug, (*steps, Step("open", False, str(error))), f"homeport block update {kept.slug}")
    tried = [Step(step.name, step.ok, step.evidence, step.seconds) for step in report.steps]
    return BlockReport(kept.slug, (*steps, *tried), report.mend)
