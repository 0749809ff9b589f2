"""The reference page tells the truth: every program in it runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.spellings import OF_TASKS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "flows-and-tasks.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_a_program_of_the_reference_page_runs(program, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(program)

    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr


def test_the_page_lists_every_older_spelling():
    listed = dict(re.findall(r"^\| `(\w+)`[^|]*\| `(\w+)` \|$", PAGE, re.MULTILINE))

    assert listed == {older: canonical for older, (canonical, _) in OF_TASKS.items()}
