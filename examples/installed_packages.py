"""What is installed on this machine: every Python distribution, how large it is on disk, and under which licence.

Real data that any machine has, and no network: `python examples/installed_packages.py`, or register it and let an agent
run it. The result is a CSV file, and a table of licences beside it.
"""

import csv
import re
from collections import Counter
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from homeport import flow, get_run_logger, task

LICENCES = {
    "Apache": r"apache",
    "BSD": r"\bbsd\b|0bsd",
    "GPL": r"\bl?gpl",
    "ISC": r"\bisc\b",
    "MIT": r"\bmit\b",
    "MPL": r"\bmpl\b|mozilla",
    "PSF": r"\bpsf\b|python software foundation",
}


@task
def find_distributions() -> list[str]:
    """The names of all installed distributions."""
    names = {found.metadata["Name"] for found in metadata.distributions() if found.metadata["Name"]}
    get_run_logger().info("%d distributions are installed.", len(names))
    return sorted(names, key=str.lower)


@task(retries=1)
def measure(name: str) -> dict[str, Any]:
    """One distribution: version, number and bytes of its files on disk, licence, what it says it is."""
    found = metadata.distribution(name)
    files = [path for entry in found.files or () if (path := Path(str(entry.locate()))).is_file()]
    return {
        "name": name,
        "version": found.version,
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "licence": licence_of(found.metadata),
        "summary": str(found.metadata["Summary"] or ""),
    }


def licence_of(about: Any) -> str:
    """The licence in a word; from the SPDX expression, else the classifiers, else the free text."""
    classifiers = [line for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    for text in (about.get("License-Expression"), *classifiers, (about.get("License") or "")[:200]):
        for licence, pattern in LICENCES.items():
            if text and re.search(pattern, text, re.IGNORECASE):
                return licence
    return "other or not said"


@task
def write_table(rows: list[dict[str, Any]], path: Path) -> Path:
    """The rows as a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


@task
def count_licences(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many distributions are under each licence, and how large they are together."""
    sizes: Counter[str] = Counter()
    for row in rows:
        sizes[row["licence"]] += row["bytes"]
    counts = Counter(row["licence"] for row in rows)
    return [{"licence": name, "distributions": n, "bytes": sizes[name]} for name, n in counts.most_common()]


@flow(name="installed-packages", log_prints=True)
def installed_packages(output: str = "~/homeport-demo/results") -> str:
    """List, measure and count what is installed; the path of the table."""
    folder = Path(output).expanduser()
    stamp = f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}"
    measured = measure.map(find_distributions.submit())
    licences = count_licences.submit(measured)
    table = write_table.submit(measured, folder / f"packages-{stamp}.csv")
    write_table.submit(licences, folder / f"licences-{stamp}.csv").wait()

    rows = [future.result() for future in measured]
    total = sum(row["bytes"] for row in rows)
    print(f"{len(rows)} distributions, {sum(row['files'] for row in rows)} files, {total / 1e6:.1f} MB.")
    for row in sorted(rows, key=lambda row: -row["bytes"])[:5]:
        print(f"{row['bytes'] / 1e6:8.1f} MB  {row['name']} {row['version']}")
    for line in licences.result()[:5]:
        print(f"{line['distributions']:8d} ×   {line['licence']}")
    print(f"Result: {table.result()}")
    return str(table.result())


if __name__ == "__main__":
    installed_packages()
