"""Shows what it made: a table, a text and a link, each with a history of versions."""

from homeport import flow, task
from homeport.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact


@task
def publish(sold: dict[str, int]) -> int:
    total = sum(sold.values())
    create_table_artifact([{"shop": shop, "sold": n} for shop, n in sold.items()], key="sold", description="by shop")
    create_markdown_artifact(f"# Sold\n\nAltogether **{total}**.", key="sold-text")
    create_link_artifact("https://example.com/shops", "the shops")
    return total


@flow
def published() -> int:
    return publish({"north": 3, "south": 4})


if __name__ == "__main__":
    published()
