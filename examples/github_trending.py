"""What is trending on GitHub, in the 1.x shape with @task: get the page, find the repositories in it, keep them as CSV.

GITHUB_TRENDING_URL is where the page is (default: https://github.com/trending).
"""

import csv
import os
import re
import urllib.request
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import homeport
from homeport import Flow, Parameter, task

TRENDING_URL = os.environ.get("GITHUB_TRENDING_URL", "https://github.com/trending")
OUTPUT = os.environ.get("GITHUB_TRENDING_OUTPUT", "~/homeport-demo/trending.csv")


class TrendingPage(HTMLParser):
    """Finds, in each `article.Box-row`, the repository's link, its language, and its stars."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, str]] = []
        self._field = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note where the text belongs that follows."""
        found = {name: value or "" for name, value in attributes}
        if tag == "article" and "Box-row" in found.get("class", ""):
            self.rows.append({"repository": "", "language": "", "stars": ""})
        elif not self.rows:
            return
        elif tag == "a" and found.get("href", "").endswith("/stargazers"):
            self._field = "stars"
        elif (
            tag == "a" and not self.rows[-1]["repository"] and re.fullmatch(r"/[\w.-]+/[\w.-]+", found.get("href", ""))
        ):
            self.rows[-1]["repository"] = found["href"].strip("/")
        elif tag == "span" and found.get("itemprop") == "programmingLanguage":
            self._field = "language"

    def handle_data(self, text: str) -> None:
        """Text of the field that is open."""
        if self._field:
            self.rows[-1][self._field] += text.strip()

    def handle_endtag(self, tag: str) -> None:
        """The field is over."""
        if tag in ("a", "span"):
            self._field = ""


@task(max_retries=3, retry_delay=timedelta(seconds=10), timeout=60)
def extract(since: str) -> str:
    """The page, as HTML."""
    request = urllib.request.Request(f"{TRENDING_URL}?since={since}", headers={"User-Agent": "homeport-example"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


@task
def transform(page: str) -> list[dict[str, Any]]:
    """The repositories on the page, those with the most stars first."""
    parser = TrendingPage()
    parser.feed(page)
    rows = [{**row, "stars": int(row["stars"].replace(",", "") or 0)} for row in parser.rows if row["repository"]]
    if not rows:
        raise ValueError("No repository was found in the page: has its markup changed?")
    return sorted(rows, key=lambda row: -row["stars"])


@task(log_stdout=True)
def load(rows: list[dict[str, Any]], path: str) -> int:
    """Write the CSV file; how many repositories it has."""
    target = Path(path).expanduser()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    print(f"The first of {len(rows)}: {rows[0]['repository']}, {rows[0]['stars']} stars.")
    homeport.context.get("logger").info("The table is %s.", target)
    return len(rows)


with Flow("GitHub-Trending") as flow:
    since = Parameter("since", default="daily")
    path = Parameter("path", default=OUTPUT)
    load(transform(extract(since)), path)

if __name__ == "__main__":
    flow.run()
