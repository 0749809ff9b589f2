"""Call a task again and again, each round with what the last one left, as long as there is a next page."""

import homeport
from homeport import Flow, task
from homeport.engine import signals

PAGES = {1: (["a", "b"], 2), 2: (["c"], 3), 3: (["d"], None)}


@task
def collect():
    found, page = homeport.context.get("task_loop_result", ([], 1))
    more, following = PAGES[page]
    found = found + more
    if following is not None:
        raise signals.LOOP(f"page {page} read", result=(found, following))
    return found


with Flow("loop over pages") as flow:
    letters = collect()

if __name__ == "__main__":
    print(flow.run().result[letters].result)
