"""A flow of many tasks of a fifth of a millisecond each, on the terminal that this is started on: what it took.

With a second argument each of them logs a line.
"""

import json
import sys
import time

from homeport import flow, get_run_logger, task

SAYS = len(sys.argv) > 2


@task
def works(number: int) -> int:
    until = time.thread_time() + 0.0002
    while time.thread_time() < until:
        pass
    if SAYS:
        get_run_logger().info("worked on %s", number)
    return number


@flow
def many(count: int) -> None:
    works.map(range(count)).wait()


many(10)
begun, spent = time.perf_counter(), time.process_time()
many(int(sys.argv[1]))
print(json.dumps({"seconds": time.perf_counter() - begun, "spent": time.process_time() - spent}))
