"""A flow for others to start: its result is kept in your storage, where they can read it."""

from homeport import flow, task


@task(persist_result=True)
def square(n: int) -> int:
    return n * n


@flow
def squares(upto: int = 3) -> int:
    return sum(one.result() for one in square.map(list(range(upto + 1))))
