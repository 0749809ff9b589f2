"""Where user code is imported and run, and what is said when it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from homeport.runtime import connection
from homeport.runtime.descriptor import RunDescriptor
from homeport.runtime.finish import FinalState

if TYPE_CHECKING:
    from homeport.engine.reporting import Reporter
    from homeport.engine.states import State

FINAL_TYPES = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


class CodeNotLoaded(Exception):  # noqa: N818 - named for what happened
    """The flow could not be loaded; `final` is the state that says so."""

    def __init__(self, final: FinalState) -> None:
        super().__init__(final.message)
        self.final = final


def load(descriptor: RunDescriptor) -> Any:
    """The flow that the descriptor's entrypoint names; raises CodeNotLoaded with the whole story in its message."""
    from homeport.engine.loading import load_flow

    try:
        return load_flow(descriptor.entrypoint, Path(descriptor.code_dir))
    except Exception as error:
        raise CodeNotLoaded(_not_loaded(descriptor, error)) from error


def run(descriptor: RunDescriptor, flow: Any, reporter: Reporter) -> FinalState:
    """Run the flow and return its final state; exceptions of the flow are states, not exceptions, here."""
    from homeport.engine.run import run_flow

    info = run_info(descriptor)
    with (
        connection.speaking_for(info.id, descriptor.api_url, descriptor.run_token),
        questions_of(descriptor),
    ):
        state = run_flow(flow, descriptor.parameters, reporter=reporter, run=info)
    return as_final(state)


@contextmanager
def questions_of(descriptor: RunDescriptor) -> Iterator[None]:
    """Inside it, what code of this run asks of a person is put at the control plane."""
    from homeport.engine import pauses
    from homeport.runtime.pause_desk import PauseDesk

    close = pauses.open_desk(UUID(descriptor.flow_run_id), PauseDesk(descriptor))
    try:
        yield
    finally:
        close()


def run_info(descriptor: RunDescriptor) -> Any:
    """What user code can read about its run in homeport.context."""
    from datetime import datetime

    from homeport.engine.run import FlowRunInfo

    return FlowRunInfo(
        id=UUID(descriptor.flow_run_id),
        name=descriptor.flow_run_name,
        flow_name=descriptor.flow_name,
        attempt_number=descriptor.attempt_number,
        deployment_name=descriptor.deployment_name,
        project_name=descriptor.project_name,
        labels=tuple(descriptor.labels),
        scheduled_at=datetime.fromisoformat(descriptor.scheduled_at) if descriptor.scheduled_at else None,
        api_url=descriptor.api_url,
    )


def as_final(state: State) -> FinalState:
    """The engine's state as it is sent."""
    if state.type.value in FINAL_TYPES:
        return FinalState(state.type.value, state.name, state.message or "", state.at, state.result_reference)
    if state.is_paused() and state.name == "Suspended":
        return FinalState("PAUSED", state.name, state.message or "", state.at)
    return FinalState.now("FAILED", f"The flow ended in the state {state.name}, which is not an end.")


def _not_loaded(descriptor: RunDescriptor, error: Exception) -> FinalState:
    where = f"entrypoint {descriptor.entrypoint!r}"
    if descriptor.storage:
        where += f", code {descriptor.content_digest} from {descriptor.storage}"
    if descriptor.agent_name:
        where += f", on agent {descriptor.agent_name!r}"
    place = _last_user_line(error, descriptor.code_dir)
    what = f"{type(error).__name__}: {error}"
    message = f"The flow could not be loaded: {what}{f' ({place})' if place else ''}; {where}."
    if isinstance(error, ModuleNotFoundError):
        message += f" Is {error.name!r} installed where the agent runs, or left out by .homeportignore?"
    # What the machine lacks is the infrastructure's failure; what the module itself raises is the code's.
    lacking = isinstance(error, ImportError | FileNotFoundError | AttributeError | LookupError)
    return FinalState.now("CRASHED" if lacking else "FAILED", message)


def _last_user_line(error: BaseException, code_dir: str) -> str:
    """`flows/poke.py, line 3`: the deepest frame that lies in the flow's own code."""
    place, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(code_dir.rstrip("/") + "/"):
            place = f"{file[len(code_dir.rstrip('/')) + 1 :]}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place
