"""The same as `homeport_tasks.py` for Prefect 3, which starts a server of its own in the process for it."""

import json
import resource
import sys
import time

from prefect import flow, task

WAY, COUNT = sys.argv[1], int(sys.argv[2])


@task
def nothing(number):
    return number


@flow
def empty():
    pass


@flow
def direct():
    for number in range(COUNT):
        nothing(number)


@flow
def submitted():
    for future in [nothing.submit(number) for number in range(COUNT)]:
        future.wait()


@flow
def mapped():
    for future in nothing.map(range(COUNT)):
        future.wait()


empty()  # the server's start is not counted
began = time.perf_counter()
{"empty": empty, "direct": direct, "submitted": submitted, "mapped": mapped}[WAY]()
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
