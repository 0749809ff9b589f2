"""Prints as JSON what `count` tasks that do nothing cost in each way of calling them: seconds in all, peak MiB.

Arguments: the way (empty, direct, submitted, mapped, graph) and the count.
"""

import json
import logging
import resource
import sys
import time

from homeport import Flow, flow, task

WAY, COUNT = sys.argv[1], int(sys.argv[2])
logging.disable(logging.INFO)


@task
def nothing(number):
    return number


@flow
def empty():
    """No task at all: what a run costs by itself."""


@flow
def direct():
    """Called one after the other."""
    for number in range(COUNT):
        nothing(number)


@flow
def submitted():
    """Handed to the task runner one by one."""
    for number in range(COUNT):
        nothing.submit(number)


@flow
def mapped():
    """Handed over all at once."""
    nothing.map(range(COUNT))


with Flow("graph") as graph:
    nothing.map(list(range(COUNT)))

began = time.perf_counter()
if WAY == "graph":
    assert graph.run().is_successful()
else:
    assert {"empty": empty, "direct": direct, "submitted": submitted, "mapped": mapped}[WAY](
        return_state=True
    ).is_completed()
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
