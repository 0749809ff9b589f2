"""Download each page once an hour: a call with the same arguments is answered from what is kept."""

from datetime import timedelta

from homeport import flow, task
from homeport.tasks import task_input_hash

DOWNLOADED: list[str] = []


@task(cache_key_fn=task_input_hash, cache_expiration=timedelta(hours=1))
def download(url: str) -> str:
    DOWNLOADED.append(url)
    return f"the text of {url}"


@flow(log_prints=True)
def cached_downloads() -> int:
    pages = [download(url) for url in ("https://a.example", "https://b.example", "https://a.example")]
    print(f"{len(pages)} pages, {len(DOWNLOADED)} downloads")
    return len(DOWNLOADED)


if __name__ == "__main__":
    cached_downloads()
    cached_downloads()
