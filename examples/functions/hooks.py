"""Hooks: functions that are called when a flow or a task ends, to tell somebody."""

from homeport import flow, task


def tell(subject, run, state):
    """What would send a message somewhere."""
    print(f"{subject.name}: {run.name} is {state.name}")


@task(on_failure=[tell])
def load(table):
    if table == "prices":
        raise LookupError(f"no table {table}")
    return table


@flow(name="warehouse", on_completion=[tell], log_prints=True)
def warehouse():
    for table in ("orders", "prices"):
        load(table, return_state=True)


@warehouse.on_completion
async def tidy(flow, flow_run, state):
    print("tidied up after", flow.name)


if __name__ == "__main__":
    warehouse()
