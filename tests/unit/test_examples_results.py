"""The examples of results and caching run, as programs of their own, and show what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples/results"

SHOWN = {
    "cache_for": ["looked up: Bergen, Oslo"],
    "cached_downloads": ["3 pages, 2 downloads"],
    "goes_on_where_it_stopped": ["30 rows after extract 1, extract 2, load, load"],
    "key_by_version": ["trained 3 times: [('trees', 1), ('trees', 2), ('trees', 2)]"],
    "not_in_memory": ["averages [1.0, 2.0, 3.0]"],
    "read_back": ["bytes of json", "'answer': 42"],
    "tables_as_parquet": ["total 8.0, kept in ['sales', 'totals']"],
    "targets": ["monday: made", "monday: Result found at task target report/monday.json", "2 runs of the task"],
}


def test_every_example_is_run():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SHOWN)


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_an_example_shows_what_it_says(name, tmp_path):
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        env={**os.environ, "HOME": str(tmp_path), "HOMEPORT_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for line in SHOWN[name]:
        assert line in done.stdout + done.stderr
