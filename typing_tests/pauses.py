"""What runs that wait for a person get: what `wait_for_input` says, in sync flows and in async ones."""

from typing import Optional, assert_type
from uuid import UUID

from pydantic import BaseModel

from homeport import flow, pause_flow_run, resume_flow_run, suspend_flow_run, task
from homeport.input import RunInput
from homeport.testing import NOBODY, answering


class Approval(RunInput):
    """What a person is asked for."""

    approved: bool
    comment: str = ""


class Plain(BaseModel):
    """A model that is no RunInput."""

    number: int


@flow
def asks() -> bool:
    assert_type(pause_flow_run(wait_for_input=Approval), Approval)
    assert_type(pause_flow_run(Approval, key="boss", timeout=60, message="Is it all right?"), Approval)
    assert_type(suspend_flow_run(wait_for_input=Approval, timeout=None), Approval)
    assert_type(pause_flow_run(wait_for_input=Approval.with_initial_data(description="Please", comment="-")), Approval)
    pause_flow_run(timeout=60)
    suspend_flow_run()
    name: str = pause_flow_run(wait_for_input=str)
    numbers: list[int] = suspend_flow_run(wait_for_input=list[int])
    plain: Plain = pause_flow_run(wait_for_input=Plain)
    print(name.upper(), numbers[0] + plain.number)
    size: str | None = pause_flow_run(wait_for_input=Optional[str])
    print(size)
    pause_flow_run(wait_for=Approval)  # type: ignore[call-overload]
    pause_flow_run(timeout="60")  # type: ignore[call-overload]
    return pause_flow_run(wait_for_input=Approval).approved


@flow
async def asks_async() -> str:
    assert_type(await pause_flow_run(wait_for_input=Approval), Approval)
    assert_type((await suspend_flow_run(wait_for_input=Approval)).comment, str)
    name: str = await pause_flow_run(wait_for_input=str)  # of other types it is declared here: Any, else
    print(name)
    await pause_flow_run(timeout=60)
    await suspend_flow_run()
    assert_type(await Approval.load("0190"), Approval)
    await resume_flow_run("0190", {"approved": True})
    return (await pause_flow_run(wait_for_input=Approval)).comment


@task
def resumes(flow_run_id: UUID) -> None:
    assert_type(Approval.load(flow_run_id, key="boss"), Approval)
    resume_flow_run(flow_run_id, Approval(approved=True), key="boss")


with answering({"boss": Approval(approved=True)}, other=NOBODY) as answers:
    asks()
    assert_type(answers.asked[0].key, str)
