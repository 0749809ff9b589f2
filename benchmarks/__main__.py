"""`make bench`, or `python -m benchmarks creates claims`: print the figures, ours beside the peer or the floor."""

import importlib
import sys
from datetime import UTC, datetime

from benchmarks.measuring import machine

ALL = (
    "start_latency",
    "creates",
    "claims",
    "events",
    "imports",
    "idle",
    "growth",
    "engine",
    "live_table",
    "results_cost",
    "storage",
    "runners",
    "docker_storage",
    "peers",
)


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all of them."""
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(ALL)}", file=sys.stderr)
        return 2
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}\n")
    for name in names or ALL:
        for row in importlib.import_module(f"benchmarks.{name}").run():
            print("\n".join(row.lines()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
