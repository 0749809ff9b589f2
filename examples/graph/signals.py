"""A task says itself how it ends: skipped, done, failed, or to be called again."""

import homeport
from homeport import Flow, task
from homeport.engine import signals as say


@task
def look(kind):
    if kind == "empty":
        raise say.SKIP("nothing there")
    if kind == "broken":
        raise say.FAIL("cannot be read")
    if kind == "late" and homeport.context.task_run_count == 1:
        raise say.RETRY("not there yet", seconds=0)
    return kind


with Flow("signals") as flow:
    looked = look.map(["full", "empty", "broken", "late"])

if __name__ == "__main__":
    for state in flow.run().result[looked].map_states:
        print(type(state).__name__, state.message)
