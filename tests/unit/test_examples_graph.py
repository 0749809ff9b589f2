"""The examples of graph flows run, as programs of their own, and say what they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "graph"
SAYS = {
    "aircraft": ["3 planes, a0 near BWI", "loaded 6 a2 near IAD"],
    "branches": ["1200 approved by the manager", "20 paid at once"],
    "by_hand": ["['two', 'one', 'Add']", "3 41"],
    "dates": ["2\n"],
    "filter_failures": ["2.0", "left out: could not convert"],
    "for_one_run": ["logged in with 18 letters ['page 1', 'page 2', 'page 3']"],
    "if_else": ["nothing new", "loading"],
    "loop_over_pages": ["['a', 'b', 'c', 'd']"],
    "mapped_pieces": ["['tea', 'brea', 'suga']"],
    "nested_maps": ["6 pages, 690 words"],
    "operators": ["6.0 True 3"],
    "pause": ["Paused"],
    "picture": ["drawn: True", '["day", "extract", "invert", "load"]'],
    "reference_tasks": ["True clean"],
    "signals": ["Skipped nothing there", "Failed cannot be read", "Success"],
    "state_handlers": ["remove_user: Running -> Failed", "and that is fine"],
    "switch_by_weekday": ["sent the report of the week"],
    "temporary_folder": ["the file is there: False", "the flow failed: True"],
}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_of_graph_flows_does_what_it_says(path, tmp_path):
    done = subprocess.run(
        [sys.executable, path],
        env={**os.environ, "HOME": str(tmp_path), "PICTURE_OUTPUT": str(tmp_path)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert [words for words in SAYS[path.stem] if words not in said] == [], said
