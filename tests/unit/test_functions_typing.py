"""The types that users see are those that typing_tests/ says."""

import subprocess
import sys
from pathlib import Path

import pytest

from homeport.context import _NAMES, Context

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "checker",
    [("mypy", "--strict", "typing_tests"), ("basedpyright", "-p", "typing_tests")],
    ids=["mypy", "pyright"],
)
def test_the_public_names_have_the_types_that_users_rely_on(checker):
    checked = subprocess.run(
        [sys.executable, "-m", *checker], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )

    assert checked.returncode == 0, checked.stdout


def test_every_name_of_the_context_has_a_type():
    assert set(Context.__annotations__) == set(_NAMES)
