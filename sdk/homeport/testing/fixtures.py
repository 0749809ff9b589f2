"""Fixtures for pytest: `pytest_plugins = ["homeport.testing.fixtures"]` in your conftest.py makes them known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from homeport.testing.harness import Harness, homeport_test_harness


@pytest.fixture
def homeport_harness() -> Iterator[Harness]:
    """Flows that the test calls are kept apart from this machine; `.last` is the run that ended last."""
    with homeport_test_harness() as harness:
        yield harness
