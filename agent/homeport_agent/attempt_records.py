"""What the agent must still know after its own kill -9: one folder for each live attempt.

    attempts/<attempt id>/record.json   who it is, its run token (0600), and the process once there is one
                          spool/        what the run process has not had acknowledged (homeport.runtime.spool)
                          work/         the run's private working folder
                          output.log    errors.log

The record is written before anything is started, so a process without a record cannot be.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from homeport_agent.agent_client import Claim


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt on this machine; `pid` and `start_time` together name its process, even after pids are reused."""

    folder: Path
    attempt_id: str
    attempt_number: int
    flow_run_name: str
    run_token: str
    spawned: bool = False
    pid: int = 0
    start_time: float = 0.0

    @property
    def spool(self) -> Path:
        """The run process's spool."""
        return self.folder / "spool"

    @property
    def work(self) -> Path:
        """The run's private working folder."""
        return self.folder / "work"

    @property
    def output(self) -> Path:
        """What the run printed, if it was not captured as log lines."""
        return self.folder / "output.log"

    @property
    def errors(self) -> Path:
        """What the run wrote to standard error."""
        return self.folder / "errors.log"

    async def remove(self) -> None:
        """Forget the attempt and everything it left here, which may be many files."""
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


class AttemptRecords:
    """The records of one agent."""

    def __init__(self, agent_folder: Path) -> None:
        self.folder = agent_folder / "attempts"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self, claim: Claim) -> AttemptRecord:
        """The record of a claim, on disk when this returns."""
        record = AttemptRecord(
            folder=self.folder / claim.attempt_id,
            attempt_id=claim.attempt_id,
            attempt_number=claim.attempt_number,
            flow_run_name=claim.flow_run_name,
            run_token=claim.run_token,
        )
        record.work.mkdir(mode=0o700, parents=True)
        record.folder.chmod(0o700)
        return self._write(record)

    def spawning(self, record: AttemptRecord) -> AttemptRecord:
        """The attempt's process is about to be started."""
        return self._write(replace(record, spawned=True))

    def spawned(self, record: AttemptRecord, pid: int, start_time: float) -> AttemptRecord:
        """The attempt's process runs."""
        return self._write(replace(record, pid=pid, start_time=start_time))

    def left_behind(self) -> Iterator[AttemptRecord]:
        """Records of an earlier process of this agent; a folder without a readable one is removed."""
        for folder in sorted(self.folder.iterdir()):
            record = _read(folder)
            if record is None:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                yield record

    def _write(self, record: AttemptRecord) -> AttemptRecord:
        values = asdict(record) | {"folder": str(record.folder)}
        partial = record.folder / ".record.part"
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(values), "utf-8")
        partial.replace(record.folder / "record.json")
        return record


def _read(folder: Path) -> AttemptRecord | None:
    try:
        values = json.loads((folder / "record.json").read_text("utf-8"))
        known = {entry.name for entry in fields(AttemptRecord)}
        kept = {name: value for name, value in values.items() if name in known}
        return AttemptRecord(**kept | {"folder": folder})
    except (OSError, ValueError, TypeError):
        return None
