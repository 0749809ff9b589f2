"""Clean up whatever happened, and still let the flow fail by the task that matters."""

from homeport import Flow, task
from homeport.triggers import always_run


@task
def work():
    raise RuntimeError("the disk is full")


@task(trigger=always_run)
def clean_up():
    return "clean"


with Flow("reference tasks") as flow:
    worked = work()
    cleaned = clean_up(upstream_tasks=[worked])
flow.set_reference_tasks([worked])

if __name__ == "__main__":
    state = flow.run()
    print(state.is_failed(), state.result[cleaned].result)
