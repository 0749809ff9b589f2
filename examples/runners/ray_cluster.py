"""The same on Ray, on this machine; RayTaskRunner(address="auto") takes the cluster that is there."""

from homeport import flow, task
from homeport.task_runners import RayTaskRunner


@task
def square(number: int) -> int:
    """On a worker."""
    return number * number


@flow(task_runner=RayTaskRunner(init_kwargs={"num_cpus": 2}))
def squares(numbers: int = 100) -> int:
    """Add up squares."""
    total = sum(square.map(range(numbers)).result())
    print(f"the squares of {numbers} numbers add up to {total}")
    return total


if __name__ == "__main__":
    squares()
