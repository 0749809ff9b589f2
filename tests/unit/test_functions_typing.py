"""The types that users see are those that typing_tests/ says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_public_names_have_the_types_that_users_rely_on():
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "typing_tests"],
        cwd=ROOT, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout
