"""The same as `homeport_tasks.py` for Prefect 1.4.1, which knows graphs only: tasks side by side, or mapped."""

import json
import resource
import sys
import time

from prefect import Flow, task
from prefect.executors import LocalDaskExecutor

WAY, COUNT = sys.argv[1], int(sys.argv[2])


@task
def nothing(number):
    return number


with Flow("bench") as bench:
    if WAY in ("mapped", "graph"):
        nothing.map(list(range(COUNT)))
    elif WAY != "empty":
        for number in range(COUNT):
            nothing(number)

executor = LocalDaskExecutor(scheduler="threads") if WAY == "submitted" else None
began = time.perf_counter()
assert bench.run(executor=executor).is_successful()
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
