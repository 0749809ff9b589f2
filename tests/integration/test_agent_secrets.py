"""What an agent resolves to get a run's code stays on its machine: nothing that it says of a failure holds it."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homeport.engine import masking
from homeport.secrets import resolve
from homeport_agent import code_cache, service
from tests.services.agents import agent, until
from tests.services.fake_control_plane import FakeControlPlane

KEPT = "correct horse battery"


class Careless:
    """A kind of storage that quotes its password in what it raises."""

    def __init__(self, reference: dict[str, Any]) -> None:
        self.password = resolve(reference["password"]).get()

    def fetch(self, *_: Any) -> None:
        raise ConnectionRefusedError(f"login with {self.password!r} failed")


@pytest.fixture
def log_of_the_service() -> Iterator[None]:
    """A test may have the agent's log written as its process writes it; afterwards it is as it was."""
    log = logging.getLogger("homeport.agent")
    before = log.handlers[:], log.level, log.propagate
    yield
    log.handlers[:], log.level, log.propagate = before


async def test_a_secret_in_an_error_of_a_storage_reaches_neither_the_control_plane_nor_the_agents_log(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    log_of_the_service: None,
) -> None:
    service._log_to_stderr()
    monkeypatch.setenv("CARELESS_PASSWORD", KEPT)
    monkeypatch.setattr(code_cache, "open_storage", Careless)
    with masking.kept_apart(), FakeControlPlane(poll_seconds=0.5) as server:
        storage = {"kind": "careless", "password": "env:CARELESS_PASSWORD"}
        attempt = server.attempts[server.offer(storage=storage, contentDigest="sha256:" + "0" * 64)]
        async with agent(server, tmp_path):
            await until(lambda: attempt.released is not None, "the attempt is given back")

    assert attempt.released is not None
    said = capsys.readouterr().err
    reason = attempt.released["reason"]
    assert "login with '***' failed" in reason
    assert "login with '***' failed" in said
    assert "Traceback" in said
    assert KEPT not in reason + said
