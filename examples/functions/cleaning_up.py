"""What has to happen whatever happens: context managers and `finally`, in a flow that fails and one that is stopped."""

from contextlib import contextmanager

from homeport import flow, task
from homeport.engine.cancellation import RunCancelled
from homeport.testing import try_run


@contextmanager
def cluster():
    print("cluster up")
    try:
        yield "cluster"
    finally:
        print("cluster down")


@task
def work(on: str, how: str) -> str:
    if how == "badly":
        raise ValueError("bad work")
    if how == "too long":
        raise RunCancelled("Somebody cancelled the run.")
    return f"done on {on}"


@flow
def works(how: str = "well"):
    with cluster() as on:
        return work(on, how)


if __name__ == "__main__":
    for how in ("well", "badly", "too long"):
        print(how, "->", try_run(works, how=how).state.name)
