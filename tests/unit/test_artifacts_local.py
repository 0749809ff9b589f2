"""Artifacts and values by key where no control plane knows the run."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from IPython import display

from homeport import flow, kv
from homeport.artifacts import (
    ArtifactTooLarge,
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from homeport.backend import artifacts as older
from homeport.engine.ids import new_id
from homeport.engine.reporting import InMemoryReporter
from homeport.engine.run import FlowRunInfo, run_flow
from homeport.results import ResultDamaged
from homeport.run_logging import MissingContextError
from homeport.runtime.connection import NotConnected
from homeport.stored_artifacts import read

PNG = b"\x89PNG\r\n\x1a\n and so on"


def ran(body: Any, **options: Any) -> tuple[Any, InMemoryReporter]:
    reporter = InMemoryReporter()
    made = flow(body, **options)
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
        (lambda: create_link_artifact("x" * 300_000, key="big"), ArtifactTooLarge, "'big' has 300,011 bytes"),
        (lambda: create_markdown_artifact("x" * 17_000_000), ArtifactTooLarge, "17,000,000 bytes, more than"),
        (lambda: create_image_artifact(image=PNG + bytes(17_000_000)), ArtifactTooLarge, "a bytes, has 17,000,"),
        (lambda: create_image_artifact(image=b"%PDF-1.7"), ValueError, r"no PNG, JPEG, GIF, WebP or SVG; .*%PDF"),
        (lambda: create_image_artifact(image=object()), TypeError, "given builtins.object. Give image_path"),
        (lambda: create_image_artifact(), TypeError, "one of image_url, image_path and image; it was given None"),
        (lambda: create_image_artifact("https://x", image=PNG), TypeError, r"\['image_url', 'image'\]"),
        (lambda: create_image_artifact(image_path="/no/such.png"), FileNotFoundError, "no/such.png"),
        (lambda: create_table_artifact([{"x": object()}]), TypeError, "cannot be shown"),
        (lambda: create_table_artifact({"x": [1], "y": []}), ValueError, "different lengths"),
        (lambda: create_markdown_artifact("# x"), MissingContextError, "no flow run here"),
    ],
)
def test_an_artifact_that_cannot_be_is_refused_where_it_is_made(make: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


@pytest.mark.parametrize(
    ("image", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        (b"GIF89a gif", "image/gif"),
        (b"RIFF1234WEBP", "image/webp"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (display.Image(data=PNG), "image/png"),
        (display.SVG(data="<svg/>"), "image/svg+xml"),
    ],
)
def test_an_image_is_kept_in_storage_as_it_is_and_shown_by_a_reference(
    image: Any, media_type: str, tmp_path: Path
) -> None:
    def shows() -> None:
        create_image_artifact(image=image, key="an-image")

    state, reporter = ran(shows, result_storage=str(tmp_path))

    assert state.is_completed(), state
    (artifact,) = reporter.artifacts
    stored = artifact.data["stored"]
    assert artifact.data["mediaType"] == media_type
    assert (tmp_path / stored["key"]).read_bytes() == read(artifact.data)
    assert any(f"Artifact image 'an-image': {media_type}, {stored['size']} bytes" in m for m in reporter.messages())


def test_an_image_file_and_what_is_too_large_for_metadata_are_kept_in_storage(tmp_path: Path) -> None:
    picture, table = tmp_path / "picture.png", [{"number": number} for number in range(30_000)]
    picture.write_bytes(PNG)

    def shows() -> None:
        create_image_artifact(image_path=picture)
        create_markdown_artifact("x" * 300_000)
        create_table_artifact(table)

    _, reporter = ran(shows, result_storage=str(tmp_path / "results"))

    image, text, rows = (artifact.data for artifact in reporter.artifacts)
    assert read(image) == PNG
    assert (read(text), text["mediaType"]) == (b"x" * 300_000, "text/markdown")
    assert (json.loads(read(rows)), rows["mediaType"]) == (table, "application/json")


def test_an_image_that_was_changed_in_storage_is_not_taken_for_the_one_that_was_shown(tmp_path: Path) -> None:
    def shows() -> None:
        create_image_artifact(image=PNG)

    _, reporter = ran(shows, result_storage=str(tmp_path))
    data = reporter.artifacts[0].data
    (tmp_path / data["stored"]["key"]).write_bytes(PNG + b"more")

    with pytest.raises(ResultDamaged):
        read(data)


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
