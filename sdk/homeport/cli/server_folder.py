"""What a home folder remembers of its control plane: whether it runs, where its data and its log are."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from homeport.cli import process_identity


@dataclass(frozen=True, slots=True)
class Running:
    """What is remembered of a started control plane."""

    pid: int
    started: str | None
    started_at: str
    url: str
    version: str
    database: str
    data_dir: str
    log: str | None
    place: str = ""  # of its own PostgreSQL's files, where that is not the data folder


@dataclass(frozen=True, slots=True)
class ServerFolder:
    """Where a home folder keeps its control plane: data, log, and the memory of what runs."""

    folder: Path

    @property
    def data(self) -> Path:
        """The control plane's data, unless told otherwise."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The log of a control plane in the background."""
        return self.folder / "server.log"

    def running(self) -> Running | None:
        """The control plane that runs, if one does; a memory of one that ended is removed."""
        try:
            running = Running(**json.loads(self._memory.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        if process_identity.is_alive(running.pid, running.started):
            return running
        self.forget()
        return None

    def remember(self, running: Running) -> None:
        """Write down what runs."""
        beside = self._memory.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(asdict(running), indent=1), encoding="utf-8")
        beside.replace(self._memory)

    def forget(self) -> None:
        """Nothing runs any more."""
        self._memory.unlink(missing_ok=True)

    def previous_url(self, data_dir: str) -> str | None:
        """Where the control plane of that data was found when it ran before."""
        return self._addresses().get(data_dir)

    def remember_url(self, data_dir: str, url: str) -> None:
        """Write down where the control plane of that data is found."""
        text = json.dumps(self._addresses() | {data_dir: url}, indent=1)
        (self.folder / "addresses.json").write_text(text, encoding="utf-8")

    def _addresses(self) -> dict[str, str]:
        try:
            found = json.loads((self.folder / "addresses.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def _memory(self) -> Path:
        return self.folder / "server.json"
