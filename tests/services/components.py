"""Programs that tests start and no wheel brings: found, or the test is left out with the words how to get it.

In CI a test that is left out is a failure (conftest.py), so .ci/run installs every one of them.
"""

import shutil
from pathlib import Path

import pytest


def program(name: str, *, get: str, also: tuple[str, ...] = ("/usr/sbin", "/usr/bin", "/usr/local/bin")) -> str:
    """The path of a program; where it is missing, the test that asks is left out and says how to `get` it."""
    found = shutil.which(name) or next((str(Path(place, name)) for place in also if Path(place, name).exists()), None)
    if found is None:
        pytest.skip(f"left out: {name} is not on this machine; get it with: {get}")
    return found
