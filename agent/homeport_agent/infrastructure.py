"""Which flows this kind of agent can run: what a flow's run config asks for, against what a local agent has.

A run that asks for something else is refused in words. To run it as a plain process would ignore what its author
wrote: another image, another account, other limits.
"""

from __future__ import annotations

import os
from pathlib import Path

from homeport_agent.agent_client import Claim
from homeport_agent.options import KIND

# A flow without a run config, or with a universal one, is content with any agent.
RUNNABLE = frozenset({"universal", KIND})
_CLASSES = {"docker": "DockerRun", "kubernetes": "KubernetesRun", "ecs": "ECSRun"}


def refusal(claim: Claim, agent: str) -> str | None:
    """Why the agent of this name cannot run what it has claimed, and what to do; None if it can."""
    kind = str(claim.run_config.get("kind") or "universal")
    if kind not in RUNNABLE:
        return _wrong_kind(claim, agent, kind)
    folder = working_dir(claim)
    if folder is not None and not (folder.is_absolute() and folder.is_dir() and os.access(folder, os.X_OK)):
        return (
            f"Flow {claim.flow_name!r} asks for LocalRun(working_dir={str(folder)!r}), and that is no folder that "
            f"agent {agent!r} can work in. Make it on the agent's machine, or register the flow with another "
            f"working_dir (an absolute path)."
        )
    return None


def working_dir(claim: Claim) -> Path | None:
    """The folder in which the flow wants to run; None when its own private one will do."""
    wanted = claim.run_config.get("working_dir")
    return Path(str(wanted)) if wanted else None


def _wrong_kind(claim: Claim, agent: str, kind: str) -> str:
    asked = f"{_CLASSES[kind]} (run config kind {kind!r})" if kind in _CLASSES else f"a run config of kind {kind!r}"
    return (
        f"Flow {claim.flow_name!r} asks for {asked}, but agent {agent!r} is of kind {KIND!r}: it runs flows as plain "
        f"processes on its machine. Register the flow with run_config=LocalRun() or UniversalRun(), or give it the "
        f"work queue or the labels of an agent of kind {kind!r} (agents of other kinds than {KIND!r} come in a later "
        f"version of Homeport)."
    )
