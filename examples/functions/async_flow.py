"""An async flow that awaits many tasks at once, and a sync one that needs no await for the same tasks."""

import asyncio

from homeport import flow, task


@task
async def fetch(page: int) -> int:
    await asyncio.sleep(0.01)
    return page * 10


@flow
async def gathers(pages: int = 5) -> int:
    return sum(await asyncio.gather(*(fetch(page) for page in range(pages))))


@flow
def submits(pages: int = 5) -> int:
    return sum(future.result() for future in [fetch.submit(page) for page in range(pages)])


if __name__ == "__main__":
    print("gathered", asyncio.run(gathers()))
    print("submitted", submits())
