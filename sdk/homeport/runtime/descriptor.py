"""What a run process is told, as one JSON object on its standard input: everything it needs, and no agent's key."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class RunDescriptor:
    """One attempt: who it is, where its code lies, and the token that speaks for this attempt alone."""

    api_url: str
    run_token: str
    attempt_id: str
    attempt_number: int
    flow_run_id: str
    flow_run_name: str
    flow_name: str
    project_name: str
    deployment_name: str
    entrypoint: str
    code_dir: str
    spool_path: str
    parameters: dict[str, Any] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    scheduled_at: str = ""
    heartbeat_seconds: float = 10.0
    log_flush_seconds: float = 1.0
    max_batch_bytes: int = 1024 * 1024
    agent_name: str = ""
    storage: str = ""
    content_digest: str = ""
    show_lines: bool = False

    @classmethod
    def from_json(cls, data: bytes | str) -> RunDescriptor:
        """The descriptor in this JSON; fields that this version does not know are ignored (a newer agent)."""
        values = json.loads(data)
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def to_json(self) -> bytes:
        """What is written to the run process's standard input."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()
