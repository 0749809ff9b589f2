"""Intervals of the control plane, as the environment may set them."""

import pytest

from homeport_control_plane.startup_errors import StartupError
from homeport_control_plane.timings import DEFAULT_TIMINGS, from_environment


def test_each_interval_can_be_set_by_its_variable_and_the_rest_stays() -> None:
    found = from_environment({"HOMEPORT_SERVER_STARTED_LEASE": "2.5", "HOMEPORT_SERVER_MAX_LOST_ATTEMPTS": "7"})

    assert (found.started_lease, found.max_lost_attempts) == (2.5, 7)
    assert found.claimed_lease == DEFAULT_TIMINGS.claimed_lease


@pytest.mark.parametrize("wrong", ["soon", "-1", "0", "nan", "inf", "1e400"])
def test_a_wrong_interval_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(StartupError, match="HOMEPORT_SERVER_STARTED_LEASE"):
        from_environment({"HOMEPORT_SERVER_STARTED_LEASE": wrong})
