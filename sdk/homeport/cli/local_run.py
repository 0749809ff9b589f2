"""Running a flow in this process: one of a file without any control plane, or a registered one for it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from homeport.cli import states
from homeport.cli.failures import FAILED, NOT_FOUND, USAGE, CommandError
from homeport.cli.session import Session, say

if TYPE_CHECKING:
    from homeport.flows import Flow

Loaded = TypeVar("Loaded")


def run_local(path: Path | None, module: str | None, name: str | None, parameters: dict[str, Any]) -> int:
    """Run a flow of a file or module; nothing is reported to anyone. Returns the exit code of its outcome."""
    from homeport.cli.sources import origins
    from homeport.engine.parameters import ParameterError

    where = str(path or module)
    places = origins([str(path)] if path else [], [module] if module else [])
    flow = _chosen([flow for place in places for flow in _loaded(place.flows, where)], name, where)
    try:
        state = flow.run(parameters)
    except ParameterError as error:
        raise CommandError(str(error), code=USAGE) from error
    say(f"Flow {flow.name}: {state.name}" + (f" - {state.message}" if state.message else ""))
    return 0 if state.is_completed() else FAILED


def execute_registered(session: Session, run_id: str) -> int:
    """Fetch the registered code, verify it, run it here as the run's attempt; returns its outcome's exit code."""
    from homeport.blocks import BlockError
    from homeport.client.errors import NotFoundError
    from homeport.code import CodeError, open_storage
    from homeport.engine.loading import load_flow
    from homeport.runtime.execute import execute_here

    version = session.execute("flowRun", {"id": run_id})["flowRun"]["flowVersion"]
    with tempfile.TemporaryDirectory(prefix="homeport-code-") as folder:
        code = Path(folder) / "code"
        try:
            reference = _reference(session, version["storage"])
            open_storage(reference).fetch(reference, version["contentDigest"], code)
            flow = _loaded(lambda: load_flow(version["entrypoint"], code), version["entrypoint"])
        except (CodeError, CommandError, BlockError, NotFoundError) as error:
            # No agent may take this run, so nobody else would ever end it.
            session.execute("cancelFlowRun", {"input": {"id": run_id}})
            raise CommandError(f"The run was cancelled before its start: {error}") from error
        finished = execute_here(session.client, run_id, flow)
    run = session.execute("flowRunProgress", {"id": run_id})["flowRun"]
    from homeport.cli.watch import timings

    say(f"Flow run {run['name']} ended {states.styled(run['state'])}. {timings(run)}")
    if run["state"]["message"] and run["state"]["type"] != "COMPLETED":
        say(f"  {run['state']['message']}")
    return 0 if finished.state_type == "COMPLETED" else FAILED


def _reference(session: Session, stored: dict[str, Any]) -> dict[str, Any]:
    """What opens the storage: of one by a block, what that says now, and what was found out when code was stored."""
    if "block" not in stored:
        return stored
    from homeport.blocks import load_block

    return {**load_block(str(stored["block"]), ask=session.execute).reference, **stored}


def _loaded(load: Callable[[], Loaded], where: str) -> Loaded:
    """What loading gives; what user code raises meanwhile is told with its line, not as a traceback of ours."""
    from homeport.cli.sources import why

    try:
        return load()
    except Exception as error:
        raise CommandError(f"{where} cannot be loaded: {why(error)}") from error


def _chosen(flows: list[Flow], name: str | None, where: str) -> Flow:
    names = ", ".join(sorted(flow.name for flow in flows)) or "none"
    if name is not None:
        flows = [flow for flow in flows if flow.name == name]
    if len(flows) == 1:
        return flows[0]
    if name is not None or not flows:
        raise CommandError(f"{where} has no flow {name or ''}".rstrip() + ".", hint=f"Flows: {names}", code=NOT_FOUND)
    raise CommandError(f"{where} has several flows.", hint=f"Choose one with -n: {names}", code=USAGE)
