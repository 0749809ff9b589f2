"""The one word that a list of agents says about each."""

import pytest

from homeport.cli.get import agent_health


@pytest.mark.parametrize(
    ("health", "draining", "word"),
    [
        ("ONLINE", False, "online"),
        ("ONLINE", True, "draining"),
        ("OFFLINE", False, "offline"),
        ("OFFLINE", True, "offline"),
    ],
)
def test_an_agent_that_drained_and_ended_is_offline_and_not_draining(health: str, draining: bool, word: str) -> None:
    said = agent_health({"health": health, "draining": draining})

    assert said == word
