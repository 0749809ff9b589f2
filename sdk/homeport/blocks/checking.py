"""What of a block works from here: its secrets, and the storage that it describes, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from homeport.blocks.errors import BlockError
from homeport.blocks.kept import KeptBlock
from homeport.blocks.types import block_type
from homeport.code.errors import CodeError
from homeport.code.storage import CheckReport, CheckStep


def check_block(kept: KeptBlock, *, clock: Callable[[], float] = time.perf_counter) -> CheckReport:
    """Resolve the references here, open the storage, and try it. Never raises for what does not work."""
    try:
        is_storage = block_type(kept.type).is_storage
        kept.parsed()
    except BlockError as error:
        mend = error.hint or f"homeport block type inspect {kept.type}"
        return CheckReport(kept.slug, (CheckStep("fields", False, str(error)),), mend)
    steps = [CheckStep("fields", True, f"they fit the type {kept.type}")]
    for field, reference in kept.secrets.items():
        steps.append(resolved(field, reference, clock))
    missing = [step for step in steps if step.ok is False]
    if missing:
        # Trying to log in without the secret would only say that it was refused.
        untried = [CheckStep(name, None, "not tried") for name in ("reachable", "authenticated", "write", "read")]
        return CheckReport(kept.slug, (*steps, *(untried if is_storage else ())), missing[0].mend)
    if not is_storage:
        return CheckReport(kept.slug, tuple(steps))
    return _storage(kept, steps)


def resolved(field: str, reference: str, clock: Callable[[], float] = time.perf_counter) -> CheckStep:
    """Whether the secret that a field refers to can be had on this machine; its value is not kept."""
    from homeport.secrets import InvalidReference, SecretError, resolve

    began = clock()
    try:
        resolve(reference)
    except SecretError as error:
        return CheckStep(f"secret {field}", False, error.found, clock() - began, error.mend)
    except InvalidReference as error:
        return CheckStep(f"secret {field}", False, str(error), clock() - began, "homeport block update")
    except Exception as error:  # a keyring's backend may raise anything
        found = f"{reference} cannot be read: {type(error).__name__}"
        return CheckStep(
            f"secret {field}", False, found, clock() - began, "Look whether this machine may read it there."
        )
    return CheckStep(f"secret {field}", True, f"{reference} is there", clock() - began)


def _storage(kept: KeptBlock, steps: list[CheckStep]) -> CheckReport:
    from homeport.code import open_storage
    from homeport.engine.masking import masked

    try:
        report = open_storage(kept.reference).check()
    except CodeError as error:
        mend = f"homeport block update {kept.slug}"
        found: tuple[CheckStep, ...] = (CheckStep("open", False, str(error)),)
    except Exception as error:  # a kind of storage that somebody else wrote may raise anything
        mend, found = "", (CheckStep("open", False, f"{type(error).__name__}: {error}"),)
    else:
        mend, found = report.mend, report.steps
    # What was found may quote what was sent.
    found = tuple(replace(step, evidence=masked(step.evidence), mend=masked(step.mend)) for step in found)
    return CheckReport(kept.slug, (*steps, *found), masked(mend))
