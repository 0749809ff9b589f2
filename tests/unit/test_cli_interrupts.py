"""Ctrl-C ends what follows a run, also when Python forgets it."""

import itertools
import os
import signal
from collections.abc import Iterator

import pytest

from homeport.cli.interrupts import heard


@pytest.fixture(autouse=True)
def _as_in_a_terminal() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class PressesWhileItIsDestroyed:
    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1_000):  # until the signal is handled, which is between two instructions
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_ctrl_c_that_a_destructor_swallowed_is_heard_at_the_next_update() -> None:
    seen = []

    def follow() -> None:
        for number in heard(iter(itertools.count())):
            seen.append(number)
            if number == 2:
                PressesWhileItIsDestroyed()
            assert number < 10, "it goes on"

    with pytest.raises(KeyboardInterrupt):
        follow()

    assert seen == [0, 1, 2]


def test_what_ctrl_c_did_before_it_does_again_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)

    assert list(heard(iter([1, 2]))) == [1, 2]
    with pytest.raises(KeyboardInterrupt):
        [signal.raise_signal(signal.SIGINT) for _ in heard(iter(itertools.count()))]

    assert signal.getsignal(signal.SIGINT) is before


def test_what_a_shell_has_put_into_the_background_ignores_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    assert len([signal.raise_signal(signal.SIGINT) for _ in heard(iter(range(3)))]) == 3
