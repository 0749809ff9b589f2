"""Starting a run as a process of its own: own session, own folder, own environment, and no key of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from homeport.runtime.descriptor import RunDescriptor
from homeport_agent import process_tree
from homeport_agent.agent_client import Claim, Session
from homeport_agent.attempt_records import AttemptRecord
from homeport_agent.options import AgentOptions

# What belongs to the agent and must not reach user code, whatever else the agent's environment holds.
WITHHELD = frozenset({"HOMEPORT_API_KEY"})
# A killed process keeps nothing back in its buffers, so that its last words are on disk.
UNBUFFERED = {"PYTHONUNBUFFERED": "1"}

Process = subprocess.Popen[bytes]


def start(
    record: AttemptRecord, descriptor: RunDescriptor, environment: Mapping[str, str], code_lock: int, folder: Path
) -> Process:
    """Start the run process in a folder; its descriptor lies in an unlinked file, for a pipe would fill up and block.

    Raises OSError and ValueError for what the machine does not take.
    """
    with (
        tempfile.TemporaryFile(dir=record.folder) as told,
        record.output.open("ab") as output,
        record.errors.open("ab") as errors,
    ):
        told.write(descriptor.to_json())
        told.seek(0)
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "homeport.runtime.process"],
            stdin=told,
            stdout=output,
            stderr=errors,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            pass_fds=(code_lock,),
        )


def describe(
    claim: Claim, record: AttemptRecord, tree: Path, options: AgentOptions, session: Session, agent: str
) -> RunDescriptor:
    """What the run process is told."""
    return RunDescriptor(
        api_url=options.api_url,
        run_token=claim.run_token,
        attempt_id=claim.attempt_id,
        attempt_number=claim.attempt_number,
        flow_run_id=claim.flow_run_id,
        flow_run_name=claim.flow_run_name,
        flow_name=claim.flow_name,
        project_name=claim.project_name,
        deployment_name=claim.deployment_name,
        entrypoint=claim.entrypoint,
        code_dir=str(tree),
        spool_path=str(record.spool),
        parameters=claim.parameters,
        labels=claim.labels,
        scheduled_at=claim.scheduled_at,
        heartbeat_seconds=session.heartbeat_seconds,
        log_flush_seconds=session.log_flush_seconds,
        max_batch_bytes=session.max_batch_bytes,
        agent_name=agent,
        storage=storage_text(claim),
        content_digest=claim.content_digest,
        show_lines=options.show_flow_logs,
    )


def environment_of(claim: Claim, record: AttemptRecord, tree: Path, options: AgentOptions) -> dict[str, str]:
    """The run's environment: the agent's without its key, then -e of the command line, then the flow's run config."""
    wanted = claim.run_config.get("env")
    own = {str(name): str(value) for name, value in wanted.items()} if isinstance(wanted, dict) else {}
    inherited = {name: value for name, value in os.environ.items() if name not in WITHHELD}
    return (
        inherited
        | UNBUFFERED
        | options.environment
        | own
        | {
            "HOMEPORT_API_URL": options.api_url,
            "HOMEPORT_CODE_DIR": str(tree),
            "HOMEPORT_FLOW_RUN_ID": claim.flow_run_id,
            "HOMEPORT_WORK_DIR": str(record.work),
            process_tree.MARK: claim.attempt_id,
        }
    )


def storage_text(claim: Claim) -> str:
    """The storage as a user knows it, for messages: `folder /srv/flows`, `smb/test`."""
    if "block" in claim.storage:
        return str(claim.storage["block"])
    details = [str(value) for name, value in sorted(claim.storage.items()) if name != "kind"]
    return " ".join([str(claim.storage.get("kind", "unknown")), *details])
