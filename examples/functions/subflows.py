"""Flows in flows: each subflow has its own name, retries and task runner, and is shown below its parent."""

from homeport import flow, task
from homeport.task_runners import SequentialTaskRunner


@task
def clean(row: str) -> str:
    return row.strip().lower()


@flow(flow_run_name="ingest {source}", task_runner=SequentialTaskRunner())
def ingest(source: str) -> list[str]:
    return clean.map([f" {source} One", f" {source} Two "]).result()


@flow
def nightly(sources: list[str]) -> int:
    rows = [row for source in sources for row in ingest(source)]
    print(*rows, sep=", ")
    return len(rows)


if __name__ == "__main__":
    nightly(["Orders", "Prices"])
