"""Count primes in processes: work that computes gets every processor of the machine, and not one."""

import os

from homeport import flow, task
from homeport.task_runners import ProcessTaskRunner

STEP = 20_000


@task
def count(begin: int) -> tuple[int, int]:
    """How many primes there are in a range, and the process that counted them."""
    found = sum(all(number % by for by in range(2, int(number**0.5) + 1)) for number in range(begin, begin + STEP))
    return found, os.getpid()


@flow(task_runner=ProcessTaskRunner(max_workers=2))
def count_primes(below: int = 200_000) -> int:
    """Count all primes below a number."""
    counted = count.map(range(0, below, STEP)).result()
    primes = sum(found for found, _ in counted) - 2  # 0 and 1 have no divisor to find, and are none
    print(f"{primes} primes below {below}, counted by {len({process for _, process in counted})} processes")
    return primes


# No `if __name__ == "__main__":` is needed: worker processes do not run this file again.
count_primes()
