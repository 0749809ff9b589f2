"""What code asks of the control plane: runs of other flows, artifacts, key-value store, variables."""

from typing import Any, assert_type
from uuid import UUID

from homeport import flow, kv, task
from homeport.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from homeport.backend import FlowRunView
from homeport.deployments import Deployment, run_deployment
from homeport.engine.states import State
from homeport.tasks.homeport import create_flow_run, get_task_run_result, wait_for_flow_run
from homeport.variables import Variable


@flow
def starts() -> bool:
    assert_type(run_deployment("etl/nightly", parameters={"day": "monday"}), FlowRunView)
    assert_type(run_deployment("etl/nightly", timeout=0).state, State)
    assert_type(run_deployment("etl/nightly").parameters, dict[str, Any])
    run_deployment("etl/nightly", timeout="0")  # type: ignore[arg-type]
    flow_run_id = create_flow_run(flow_name="etl", project_name="team")
    assert_type(flow_run_id, str)
    assert_type(wait_for_flow_run(flow_run_id, raise_final_state=True), FlowRunView)
    assert_type(get_task_run_result(flow_run_id, "extract"), Any)
    return run_deployment("etl/nightly").state.is_completed()


@flow
async def starts_async() -> None:
    assert_type(await run_deployment("etl/nightly"), FlowRunView)
    assert_type((await run_deployment("etl/nightly")).get_latest(), FlowRunView)
    assert_type(await create_markdown_artifact("# Report", key="report"), UUID)
    await Variable.set("name", 1)
    day: str = await Variable.get("day", "monday")
    print(day)


@task
def shows() -> UUID:
    create_link_artifact("https://example.com", link_text="The report")
    create_markdown_artifact("# Report", description="of today")
    create_table_artifact([{"name": "a", "count": 1}, {"name": "b", "count": 2}], key="counts")
    create_table_artifact({"name": ["a", "b"], "count": [1, 2]})
    create_table_artifact([["a", 1], ["b", 2]])
    create_image_artifact(image_path="plot.png", key="plot")
    create_link_artifact(5)  # type: ignore[arg-type]
    made: UUID = create_markdown_artifact("# Report")
    assert_type(made.hex, str)
    return made


kv.set("last", {"day": "monday"})
assert_type(kv.keys("la"), list[str])
assert_type(kv.get("last", default=None), Any)
kv.delete("last")
limit: int = Variable.get("limit", default=5)

deployment = Deployment.build_from_flow(flow=starts, name="nightly", work_queue_name="etl")
assert_type(deployment, Deployment)
