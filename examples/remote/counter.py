"""Goes on where its last run stopped: what it has seen is kept at the control plane, by key."""

from homeport import flow, kv, task


@task
def fetch(since: int) -> list[int]:
    return list(range(since + 1, since + 4))


@flow(log_prints=True)
def counter() -> int:
    seen = kv.get("examples/counter", 0)
    rows = fetch(seen)
    kv.set("examples/counter", rows[-1])
    print(f"rows {rows[0]} to {rows[-1]}")
    return rows[-1]


if __name__ == "__main__":
    counter()
