"""One large table, many small questions: what is `unmapped` is sent once to each worker, not once for each task."""

from homeport import flow, task, unmapped
from homeport.task_runners import ProcessTaskRunner


@task
def prices() -> dict[str, float]:
    """A large table."""
    return {f"article-{number}": number / 7 for number in range(100_000)}


@task
def total(order: list[str], table: dict[str, float]) -> float:
    """What an order costs."""
    return sum(table[article] for article in order)


@flow(task_runner=ProcessTaskRunner(max_workers=2))
def price_orders(orders: int = 200) -> float:
    """Price all orders."""
    wanted = [[f"article-{number * 31 % 100_000}", f"article-{number}"] for number in range(orders)]
    revenue = sum(total.map(wanted, unmapped(prices.submit())).result())
    print(f"{orders} orders, {revenue:.2f} in all")
    return revenue


price_orders()
