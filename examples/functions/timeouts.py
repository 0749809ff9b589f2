"""A timeout ends code that sleeps, in the main thread and in a worker's; what follows can go on without it."""

import time

from homeport import allow_failure, flow, task


@task(timeout_seconds=0.05)
def slow_report():
    time.sleep(30)


@task
def send(report):
    return "nothing to send" if isinstance(report, TimeoutError) else report


@flow
def morning():
    late = slow_report(return_state=True)
    print("called:", late.name)
    answer = send(allow_failure(slow_report.submit()))
    print("submitted:", answer)
    return answer


if __name__ == "__main__":
    morning()
