"""Large results that are not held in memory: each is read from storage where it is needed."""

from homeport import flow, task


@task(persist_result=True, result_serializer="compressed/pickle", cache_result_in_memory=False)
def measure(sensor: int) -> list[int]:
    return [sensor] * 100_000


@task
def average(values: list[int]) -> float:
    return sum(values) / len(values)


@flow(log_prints=True)
def not_in_memory() -> float:
    measured = measure.map([1, 2, 3])
    averages = average.map(measured).result()
    print(f"averages {averages}")
    return max(averages)


if __name__ == "__main__":
    not_in_memory()
