"""At most three requests at a time: the other side is asked politely, however long the list is."""

import asyncio

from homeport import flow, task
from homeport.task_runners import AsyncTaskRunner

open_now = 0
most_open = 0


@task
async def fetch(page: int) -> int:
    """Stands for a request: counts how many are open at once."""
    global open_now, most_open
    open_now += 1
    most_open = max(most_open, open_now)
    await asyncio.sleep(0.01)
    open_now -= 1
    return page


@flow(task_runner=AsyncTaskRunner(max_workers=3))
async def fetch_all(pages: int = 30) -> int:
    """Fetch all pages."""
    futures = fetch.map(range(pages))
    fetched = [await future.result() for future in futures]
    print(f"{len(fetched)} pages, at most {most_open} at once")
    return most_open


if __name__ == "__main__":
    asyncio.run(fetch_all())
