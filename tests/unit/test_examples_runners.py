"""The examples of task runners run, as programs of their own, and say what they found."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples/runners"
SAID = {
    "count_primes.py": "17984 primes below 200000, counted by",
    "shared_table.py": "200 orders, 90971.43 in all",
    "polite_requests.py": "30 pages, at most 3 at once",
    "survive_a_crash.py": "rendered [0, 1, 2, 3, 4, 5, 6, 7]",
    "stop_a_runaway.py": "['Completed', 'TimedOut']",
    "dask_cluster.py": "500 words",
    "ray_cluster.py": "the squares of 100 numbers add up to 328350",
    "one_graph_two_executors.py": "LocalExecutor: 9\nLocalDaskExecutor: 9",
}
NEEDS = {"dask_cluster.py": "distributed", "ray_cluster.py": "ray"}


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SAID)


@pytest.mark.parametrize("name", SAID)
def test_the_example_says_what_it_found(name, tmp_path):
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")

    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        env={**os.environ, "HOME": str(tmp_path), "HOMEPORT_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert SAID[name] in done.stdout
