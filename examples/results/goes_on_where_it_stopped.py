"""A flow that fails late and is tried again does not repeat the steps whose results it kept."""

from homeport import flow, task

STEPS: list[str] = []


@task(persist_result=True)
def extract(number: int) -> int:
    STEPS.append(f"extract {number}")
    return number * 10


@task
def load(rows: list[int]) -> int:
    STEPS.append("load")
    if STEPS.count("load") == 1:
        raise ConnectionError("the warehouse is away")
    return sum(rows)


@flow(retries=1, log_prints=True)
def goes_on_where_it_stopped() -> int:
    total = load([extract(1), extract(2)])
    print(f"{total} rows after {', '.join(STEPS)}")
    return total


if __name__ == "__main__":
    goes_on_where_it_stopped()
