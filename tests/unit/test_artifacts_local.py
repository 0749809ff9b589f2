"""Artifacts and values by key where no control plane knows the run."""

import asyncio
from typing import Any

import pytest

from homeport import flow, kv
from homeport.artifacts import ArtifactTooLarge, create_link_artifact, create_markdown_artifact, create_table_artifact
from homeport.backend import artifacts as older
from homeport.engine.ids import new_id
from homeport.engine.reporting import InMemoryReporter
from homeport.engine.run import FlowRunInfo, run_flow
from homeport.run_logging import MissingContextError
from homeport.runtime.connection import NotConnected


def ran(body: Any) -> tuple[Any, InMemoryReporter]:
    reporter = InMemoryReporter()
    made = flow(body)
    return run_flow(made, {}, reporter=reporter, run=FlowRunInfo(new_id(), "r", made.name)), reporter


def test_artifacts_of_a_run_on_its_own_are_kept_with_it_and_logged() -> None:
    def shows() -> None:
        create_link_artifact("https://example.com", "there", key="a-link")
        create_table_artifact({"x": [1, 2], "y": [3, 4]})
        older.create_markdown("# Title")

    state, reporter = ran(shows)

    assert state.is_completed()
    assert [(one.kind, one.key) for one in reporter.artifacts] == [
        ("LINK", "a-link"),
        ("TABLE", None),
        ("MARKDOWN", None),
    ]
    assert reporter.artifacts[1].data == {"table": [{"x": 1, "y": 3}, {"x": 2, "y": 4}]}
    assert "Artifact link 'a-link': https://example.com" in reporter.messages()


def test_in_async_code_an_artifact_is_awaited() -> None:
    async def shows() -> str:
        return str(await create_markdown_artifact("# Title"))

    state, reporter = ran(shows)

    assert state.result() == str(reporter.artifacts[0].id)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: create_markdown_artifact("x" * 300_000, key="big"), ArtifactTooLarge, "'big' has 300,015 bytes"),
        (lambda: create_table_artifact([{"x": object()}]), TypeError, "cannot be shown"),
        (lambda: create_table_artifact({"x": [1], "y": []}), ValueError, "different lengths"),
        (lambda: create_markdown_artifact("# x"), MissingContextError, "no flow run here"),
    ],
)
def test_an_artifact_that_cannot_be_is_refused_where_it_is_made(make: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


def test_values_by_key_say_what_they_lack_where_there_is_no_control_plane(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path))
    monkeypatch.delenv("HOMEPORT_API_KEY", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")

    with pytest.raises(NotConnected, match="homeport auth login"):
        kv.get("key")
    with pytest.raises(TypeError, match="is not JSON"):
        kv.set("key", object())
    with pytest.raises(NotConnected):
        asyncio.run(asyncio.to_thread(kv.keys))
