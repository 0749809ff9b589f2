"""Wrong keys are counted by key and by address, over a minute."""

from __future__ import annotations

import pytest

from homeport_control_plane.edge.login_limits import FAILURES_OF_A_KEY, FAILURES_OF_AN_ADDRESS, WINDOW, LoginLimits
from homeport_control_plane.edge.refusals import Refusal


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_key_that_failed_too_often_has_to_wait_until_the_minute_is_over() -> None:
    clock = Clock()
    limits = LoginLimits(clock)
    for _ in range(FAILURES_OF_A_KEY):
        limits.check(key="a", address="x")
        limits.failed(key="a", address="x")

    with pytest.raises(Refusal) as refused:
        limits.check(key="a", address="x")
    limits.check(key="b", address="x")
    clock.now += WINDOW + 1
    limits.check(key="a", address="x")

    assert refused.value.status == 429
    assert 0 < int(refused.value.headers["Retry-After"]) <= WINDOW


def test_an_address_that_failed_with_many_keys_has_to_wait_and_others_do_not() -> None:
    limits = LoginLimits(Clock())
    for number in range(FAILURES_OF_AN_ADDRESS):
        limits.failed(key=f"k{number}", address="x")

    with pytest.raises(Refusal):
        limits.check(key="new", address="x")
    limits.check(key="new", address="y")
    limits.check(key="known")


def test_failures_a_minute_apart_are_not_added_up() -> None:
    clock = Clock()
    limits = LoginLimits(clock)

    for _ in range(FAILURES_OF_A_KEY * 3):
        limits.check(key="a", address="x")
        limits.failed(key="a", address="x")
        clock.now += WINDOW / (FAILURES_OF_A_KEY - 1)
