"""What is worth asking again, and how long to wait before."""

import pytest

from homeport.client import ConflictError, Refused, Unauthenticated, Unavailable, Unreachable, retry_delay


@pytest.mark.parametrize("error", [Refused("no"), Unauthenticated("no"), ConflictError("no"), ValueError("a bug")])
def test_a_refusal_is_never_asked_again(error: Exception) -> None:
    assert retry_delay(error, 1) is None


def test_the_wait_doubles_up_to_its_limit() -> None:
    waits = [retry_delay(Unreachable("gone"), failures, random=lambda: 1.0) for failures in range(1, 12)]

    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == 15.0


def test_the_wait_is_spread_so_that_agents_do_not_come_back_in_step() -> None:
    least = retry_delay(Unreachable("gone"), 5, random=lambda: 0.0)
    most = retry_delay(Unreachable("gone"), 5, random=lambda: 1.0)

    assert least is not None
    assert most == 2 * least


def test_a_control_plane_that_says_when_to_come_back_is_believed_up_to_the_limit() -> None:
    assert retry_delay(Unavailable("busy", retry_after=3), 1, random=lambda: 0.0) == 3
    assert retry_delay(Unavailable("busy", retry_after=3600), 1, random=lambda: 0.0) == 15


def test_a_thousand_failures_in_a_row_still_have_a_finite_wait() -> None:
    assert retry_delay(Unreachable("gone"), 100_000, random=lambda: 1.0) == 15.0
