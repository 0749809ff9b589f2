"""A test kept apart from this machine: an empty home folder, no control plane, no keyring, all runs in memory."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.engine import local, masking
from homeport.engine.reporting import InMemoryReporter
from homeport.testing.tried_runs import TriedRun

if TYPE_CHECKING:
    from homeport.engine.run import FlowRunInfo

NO_KEYRING = "keyring.backends.fail.Keyring"


@dataclass
class Harness:
    """What was run in the block. Flows are called as ever, and nothing is printed."""

    home: Path
    _reported: list[InMemoryReporter] = field(default_factory=list)

    @property
    def runs(self) -> list[TriedRun]:
        """The runs that have ended, in the order in which they began; subflows are part of theirs."""
        return [TriedRun(kept.run_states[-1], kept) for kept in self._reported if _ended(kept)]

    @property
    def last(self) -> TriedRun:
        """The last of them; raises LookupError where no flow was called."""
        if not self.runs:
            raise LookupError("No flow has been run in this harness.")
        return self.runs[-1]

    def watch(self, info: FlowRunInfo) -> InMemoryReporter:
        """For the engine: whom a run is told to."""
        reported = InMemoryReporter()
        self._reported.append(reported)
        return reported


@contextmanager
def homeport_test_harness(
    *, secrets: Mapping[str, Any] | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Harness]:
    """Keep what is called in the block apart: settings, keys and results of this machine are not seen nor touched.

    `secrets` are those that `Secret(name)` finds, `settings` are settings by name (`{"queue": "tests"}`).
    """
    kept = {name: value for name, value in os.environ.items() if _is_ours(name)}
    with tempfile.TemporaryDirectory(prefix="homeport-test-") as folder, _no_keyring(), masking.kept_apart():
        given = {f"HOMEPORT_{name.upper()}": value for name, value in (settings or {}).items()}
        for name, value in (secrets or {}).items():
            given[f"HOMEPORT__CONTEXT__SECRETS__{name}"] = value if isinstance(value, str) else json.dumps(value)
        _replace({"HOMEPORT_HOME": folder, "PYTHON_KEYRING_BACKEND": NO_KEYRING, **given})
        harness = Harness(Path(folder))
        before, local.watcher = local.watcher, harness.watch
        try:
            yield harness
        finally:
            local.watcher = before
            _replace(kept)


def _is_ours(name: str) -> bool:
    return name.startswith("HOMEPORT_") or name == "PYTHON_KEYRING_BACKEND"


def _replace(values: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if _is_ours(name)]:
        del os.environ[name]
    os.environ.update(values)


@contextmanager
def _no_keyring() -> Iterator[None]:
    """A keyring that was chosen already does not look at the environment again."""
    if "keyring" not in sys.modules:
        yield
        return
    import keyring
    from keyring.backends import fail

    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        keyring.set_keyring(before)


def _ended(kept: InMemoryReporter) -> bool:
    return bool(kept.run_states) and kept.run_states[-1].is_final()
