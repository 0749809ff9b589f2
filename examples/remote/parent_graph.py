"""A graph that starts another flow, waits for it, and reads what its tasks returned (the 1.x shape)."""

from homeport import Flow, Parameter, task
from homeport.tasks.prefect import create_flow_run, get_task_run_result, wait_for_flow_run


@task(log_prints=True)
def tell(results: list[int]) -> int:
    print("the squares are", results)
    return sum(results)


with Flow("parent-graph") as parent_graph:
    upto = Parameter("upto", default=3)
    child = create_flow_run(flow_name="squares", parameters={"upto": upto})
    ended = wait_for_flow_run(child, raise_final_state=True)
    results = get_task_run_result(child, "square", upstream_tasks=[ended])
    tell(results)
