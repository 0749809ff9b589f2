"""What code can read of the run it is in: the context objects of 2.x, and the shorter `homeport.runtime`."""

from homeport import flow, task
from homeport.context import FlowRunContext, get_run_context
from homeport.runtime import flow_run


@task
def measure(shop: str) -> str:
    here = get_run_context()
    return f"{here.task_run.name} of {FlowRunContext.get().flow.name}"


@flow(flow_run_name="round of {shop}")
def round_of_shops(shop: str = "north"):
    here = get_run_context()
    print(here.flow_run.name, here.parameters, measure(shop), sep=" | ")
    print("the same:", flow_run.name, flow_run.parameters)


if __name__ == "__main__":
    round_of_shops()
