"""Types of blocks on the customer's side: what they take, what they refuse before anything leaves, what they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from homeport.blocks import BlockNotFound, InvalidBlock, UnknownBlockType, create_block, load_block
from homeport.blocks.kept import KeptBlock, checked, parted, split
from homeport.blocks.types import block_type, block_types
from homeport.registration import told_reference
from homeport.run_configs import DockerRun, ECSRun, KubernetesRun, LocalRun
from homeport.storage import Local, LocalFileSystem

HIDDEN = "hunter2-the-password"


def test_a_type_is_found_under_its_name_and_under_that_of_2x() -> None:
    assert block_type("folder").slug == block_type("local-file-system").slug == "folder"
    assert block_type("Docker_Container").slug == "docker-container"


def test_an_unknown_type_names_the_one_that_was_meant() -> None:
    with pytest.raises(UnknownBlockType) as refused:
        block_type("proces")

    assert "process" in str(refused.value.hint)


def test_types_that_cannot_be_imported_here_are_listed_with_what_is_missing() -> None:
    found, missing = block_types()

    slugs = {one.slug for one in found}
    assert {"folder", "process", "docker-container", "kubernetes-job", "ecs-task", "secret", "json"} <= slugs
    assert not slugs & set(missing)
    assert all(one.title and one.schema["additionalProperties"] is False for one in found)


@pytest.mark.parametrize("text", ["", "smb", "smb/", "/x", "smb/a/b", "smb/ a", "smb/a b", "../smb/x"])
def test_what_names_no_block_is_refused(text: str) -> None:
    with pytest.raises(InvalidBlock, match="names no block"):
        split(text)


def test_a_literal_secret_is_refused_before_anything_is_sent_and_is_not_repeated() -> None:
    asked: list[str] = []

    def ask(operation: str, given: Any) -> dict[str, Any]:
        asked.append(operation)
        return {}

    with pytest.raises(InvalidBlock) as refused:
        create_block("secret/db", {"value": HIDDEN}, ask=ask)

    assert asked == []
    assert HIDDEN not in f"{refused.value} {refused.value.hint} {refused.value.__cause__!r}"
    assert "env:NAME" in str(refused.value)


def test_fields_and_references_travel_apart_and_only_those_that_were_given() -> None:
    sent: dict[str, Any] = {}

    def ask(operation: str, given: Any) -> dict[str, Any]:
        sent.update(given["input"])
        block = {"type": {"slug": "folder"}, "name": "x", "fields": {}, "secrets": {}, "revision": 1}
        return {operation: {"__typename": "BlockCreated", "block": block}}

    create_block("local-file-system/x", {"basepath": "/srv/flows"}, ask=ask)

    assert (sent["fields"], sent["secrets"], sent["name"]) == ({"path": "/srv/flows"}, {}, "x")
    assert sent["type"]["slug"] == "folder"
    assert parted(block_type("secret"), {"value": "env:X"}) == ({}, {"value": "env:X"})


def test_a_block_that_is_not_kept_is_a_value_error_as_in_2x() -> None:
    with pytest.raises(ValueError, match="no block folder/x") as missing:
        load_block("folder/x", ask=lambda operation, given: {"block": None})

    assert isinstance(missing.value, BlockNotFound)


def test_the_control_plane_is_told_the_name_of_the_block_and_what_storing_found_out() -> None:
    by_name = {"kind": "docker-container", "block": "docker-container/x"}
    opened = {**by_name, "image": "flows"}
    stored = {"kind": "docker-container", "image": "flows", "env": {}, "volumes": None, "digest": "sha256:abc"}

    assert told_reference(stored, opened) == {**by_name, "digest": "sha256:abc"}
    assert told_reference(stored, {"kind": "docker-container"}) == stored


def test_a_loaded_storage_asks_nobody_until_a_field_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptBlock("folder", "prod", {"path": "/srv/flows"}, {})
    asked: list[str] = []
    monkeypatch.setattr("homeport.blocks.kept.load_block", lambda reference: asked.append(reference) or kept)

    loaded = LocalFileSystem.load("prod")
    before = (loaded.to_dict(), repr(loaded), list(asked))

    assert before == ({"kind": "folder", "block": "folder/prod"}, "LocalFileSystem.load('prod')", [])
    assert (loaded.path, asked) == ("/srv/flows", ["folder/prod"])
    with pytest.raises(AttributeError, match="basket"):
        _ = loaded.basket
    with pytest.raises(InvalidBlock):
        Local.load("s3/prod")


@pytest.mark.parametrize(
    ("slug", "fields", "made"),
    [
        ("process", {"env": {"A": "1"}, "working_dir": "/w"}, LocalRun(env={"A": "1"}, working_dir="/w")),
        (
            "docker-container",
            {"image": "i", "mem_limit": "2g", "volumes": ["/a:/b"], "ports": [80]},
            DockerRun(image="i", ports=[80], host_config={"mem_limit": "2g", "binds": ["/a:/b"]}),
        ),
        (
            "kubernetes-job",
            {"image": "i", "job": {"kind": "Job"}, "cpu_limit": 0.5, "labels": ["gpu"]},
            KubernetesRun(image="i", job_template={"kind": "Job"}, cpu_limit=0.5, labels=["gpu"]),
        ),
        (
            "ecs-task",
            {"image": "i", "cluster": "c", "launch_type": "FARGATE", "cpu": 512},
            ECSRun(image="i", cpu=512, run_task_kwargs={"cluster": "c", "launchType": "FARGATE"}),
        ),
    ],
)
def test_a_block_of_infrastructure_becomes_a_run_config(slug: str, fields: dict[str, Any], made: Any) -> None:
    parsed: Any = checked(block_type(slug), fields)

    assert parsed.run_config().to_dict() == made.to_dict()


def test_an_unknown_field_is_refused_by_name_and_without_its_value() -> None:
    with pytest.raises(InvalidBlock, match="pasword") as refused:
        checked(block_type("process"), {"pasword": HIDDEN})

    assert HIDDEN not in str(refused.value)


def test_the_page_of_types_is_that_of_the_schemas() -> None:
    from homeport.blocks.reference import page

    committed = Path(__file__).parents[2] / "docs" / "reference" / "blocks.md"

    assert committed.read_text(encoding="utf-8") == page(), "make it anew: make schema"


@pytest.mark.parametrize(
    ("slug", "fields"),
    [
        ("process", {"env": {"DB_PASSWORD": HIDDEN}}),
        ("process", {"env": {"URL": f"postgres://user:{HIDDEN}@host/db"}}),
        ("string", {"value": "AccountName=x;AccountKey=aB3dE6gH9jK2mN5pQ8sT"}),
        ("json", {"value": {"deep": [{"api_key": HIDDEN}]}}),
    ],
)
def test_a_secret_in_a_field_that_is_none_is_refused_before_anything_is_sent(slug: str, fields: dict[str, Any]) -> None:
    def ask(operation: str, given: Any) -> dict[str, Any]:
        raise AssertionError("it was sent")

    with pytest.raises(InvalidBlock) as refused:
        create_block(f"{slug}/x", fields, ask=ask)

    shown = f"{refused.value} {refused.value.hint}"
    assert HIDDEN not in shown
    assert "aB3dE6gH9jK2" not in shown
