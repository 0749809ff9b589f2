"""The same small job in both shapes, and async: greet everybody, and try again when a greeting fails.

`python examples/hello.py` runs all three.
"""

import asyncio
import random
from datetime import timedelta

import homeport
from homeport import Flow, Parameter, Task, flow, get_run_logger, task

NAMES = ["Ada", "Grace", "Linus", "Guido"]


# The 2.x shape: the function is the flow.


@task(retries=3, retry_delay_seconds=0.1)
def greet(name: str, greeting: str, failure_rate: float = 0.3) -> str:
    """A greeting, from a service that often fails."""
    if random.random() < failure_rate:
        raise ConnectionError("The greeting service did not answer.")
    return f"{greeting}, {name}!"


@task
def count_letters(texts: list[str]) -> int:
    """How long all greetings are together."""
    return sum(len(text) for text in texts)


@flow(name="Hello Flow", log_prints=True, retries=1)
def hello(name: str = "world", greeting: str = "Hello", failure_rate: float = 0.3) -> int:
    """Greet the world, then everybody at once."""
    print(greet(name, greeting, failure_rate))
    everybody = greet.map(NAMES, greeting, failure_rate=failure_rate)
    letters = count_letters.submit(everybody)
    get_run_logger().info("All greetings together have %d letters.", letters.result())
    return letters.result()


# The same, async.


@task(retries=3, retry_delay_seconds=0.1)
async def greet_slowly(name: str) -> str:
    """A greeting that takes its time, and lets others go on meanwhile."""
    await asyncio.sleep(0.1)
    return f"Hello, {name}!"


@flow(name="Hello async", log_prints=True)
async def hello_async(names: list[str] = NAMES) -> list[str]:
    """Greet all at the same time."""
    futures = [await greet_slowly.submit(name) for name in names]
    greetings = [await future.result() for future in futures]
    print(*greetings)
    return greetings


# The 1.x shape: a graph, built in a with block.


class Greet(Task):
    """A task as a class."""

    def run(self, name: str, greeting: str) -> str:
        """One greeting."""
        homeport.context.get("logger").info("Greeting %s", name)
        return f"{greeting}, {name}!"


@task(max_retries=3, retry_delay=timedelta(seconds=1), log_stdout=True)
def show(greetings: list[str]) -> None:
    """Print them."""
    for greeting in greetings:
        print(greeting)


with Flow("Hello 1.x") as hello_graph:
    greeting = Parameter("greeting", default="Hello")
    show(Greet().map(NAMES, greeting=homeport.unmapped(greeting)))


if __name__ == "__main__":
    hello()
    asyncio.run(hello_async())
    hello_graph.run(greeting="Good day")
