"""Go on with the calls of a map that succeeded, and say what did not."""

from homeport import Flow, task
from homeport.tasks.control_flow import FilterTask


@task
def parse(text):
    return float(text)


@task
def average(numbers):
    return sum(numbers) / len(numbers)


only_numbers = FilterTask(log_func=lambda result: f"left out: {result}")

with Flow("filter failures") as flow:
    mean = average(only_numbers(parse.map(["1.5", "two", "2.5"])))

if __name__ == "__main__":
    print(flow.run().result[mean].result)
