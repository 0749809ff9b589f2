"""A function that runs a deployment as its child and goes on with how it ended (the 2.x shape)."""

from homeport import flow
from homeport.deployments import run_deployment


@flow(log_prints=True)
async def parent_function(upto: int = 2) -> str:
    child = await run_deployment("squares/default", parameters={"upto": upto}, poll_interval=0.2)
    print(f"{child.name} ended {child.state.name}")
    return str(child.state.name)
