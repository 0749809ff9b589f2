"""A flow that goes on after failures, collects them, and fails at its end with a report of all."""

from homeport import flow, task


@task(task_run_name="import {name}")
def import_file(name: str) -> int:
    if "bad" in name:
        raise ValueError(f"{name}: line 3 has no price")
    return len(name)


@flow
def import_all(names: list[str]) -> int:
    futures = import_file.map(names)
    results = futures.result(raise_on_failure=False)
    errors = [result for result in results if isinstance(result, Exception)]
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {len(names)} files were not imported", errors)
    return sum(results)


if __name__ == "__main__":
    print(import_all(["a.csv", "b.csv"]))
    print(import_all(["a.csv", "bad-1.csv", "bad-2.csv"], return_state=True))
