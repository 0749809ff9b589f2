"""Values by key and artifacts: of a tenant, of a run, with their versions and their limits."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from homeport_control_plane import artifacts, key_values, projects
from homeport_control_plane.errors import InvalidInput, NotFound
from tests.integration.db_world import ACTOR, World

STORED = {"kind": "folder", "key": "artifacts/1.png", "serializer": "bytes", "size": 7, "sha256": "a" * 64}


async def test_the_last_value_of_a_key_stands_and_is_told_to_its_tenant_only(world: World) -> None:
    await key_values.put(world.db, world.tenant_id, "a/1", {"x": 1}, actor=ACTOR)
    await key_values.put(world.db, world.tenant_id, "a/1", [2], actor="run")
    await key_values.put(world.db, world.tenant_id, "b", None, actor=ACTOR)

    found = await key_values.get(world.db, world.tenant_id, "a/1")
    page = await key_values.page(world.db, world.tenant_id, first=1)
    rest = await key_values.page(world.db, world.tenant_id, after=page.end_cursor)
    begun = await key_values.page(world.db, world.tenant_id, prefix="a/")

    assert found is not None
    assert (found.value, found.updated_by) == ([2], "run")
    assert [[one.key for one in p.nodes] for p in (page, rest, begun)] == [["a/1"], ["b"], ["a/1"]]
    assert await key_values.get(world.db, uuid4(), "a/1") is None


async def test_a_deleted_key_is_gone(world: World) -> None:
    await key_values.put(world.db, world.tenant_id, "k", 1, actor=ACTOR)

    await key_values.delete(world.db, world.tenant_id, "k")

    assert await key_values.get(world.db, world.tenant_id, "k") is None
    with pytest.raises(NotFound):
        await key_values.delete(world.db, world.tenant_id, "k")


@pytest.mark.parametrize(("key", "value"), [("", 1), (" k", 1), ("k" * 300, 1), ("k", "x" * 70_000), ("k", "\0")])
async def test_what_cannot_be_kept_is_refused(world: World, key: str, value: Any) -> None:
    with pytest.raises(InvalidInput):
        await key_values.put(world.db, world.tenant_id, key, value, actor=ACTOR)


async def test_artifacts_of_a_key_are_numbered_without_gap_also_when_made_at_once(world: World) -> None:
    run = await _run(world)

    made = await asyncio.gather(*(_markdown(world, run, key="report", text=str(n)) for n in range(8)))

    assert sorted(one.version or 0 for one in made) == list(range(1, 9))
    [last] = (await artifacts.page(world.db, world.tenant_id, key="report", latest=True)).nodes
    assert last.version == 8


async def test_artifacts_are_found_by_run_kind_and_key_and_go_with_their_project(world: World) -> None:
    run, other = await _run(world), (await world.run()).id
    await _markdown(world, run)
    link = await artifacts.create(world.db, world.tenant_id, other, kind="LINK", data={"link": "https://x"}, key="k")

    of_run = await artifacts.page(world.db, world.tenant_id, flow_run_id=run)
    links = await artifacts.page(world.db, world.tenant_id, kind="LINK")
    assert [one.kind for one in of_run.nodes] == ["MARKDOWN"]
    assert [one.id for one in links.nodes] == [link.id]

    await projects.delete(world.db, world.tenant_id, "p")
    assert (await artifacts.page(world.db, world.tenant_id)).nodes == ()


async def test_a_run_changes_and_deletes_artifacts_of_its_own_only(world: World) -> None:
    run, other = await _run(world), (await world.run()).id
    made = await _markdown(world, run)
    new = {"data": {"markdown": "new"}, "kind": "MARKDOWN"}

    with pytest.raises(NotFound):
        await artifacts.update(world.db, world.tenant_id, made.id, of_run=other, **new)
    with pytest.raises(NotFound):
        await artifacts.delete(world.db, world.tenant_id, made.id, of_run=other)
    changed = await artifacts.update(world.db, world.tenant_id, made.id, of_run=run, **new)
    await artifacts.delete(world.db, world.tenant_id, made.id, of_run=run)

    assert changed.data == {"markdown": "new"}
    assert await artifacts.get(world.db, world.tenant_id, made.id) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "TABLE", "data": {"table": "no rows"}}, "'table'"),
        ({"kind": "LINK", "data": []}, "object"),
        ({"kind": "MARKDOWN", "data": {"markdown": "x" * 300_000}}, "limit"),
        ({"kind": "MARKDOWN", "data": {"markdown": "x"}, "key": "Not A Key"}, "lower-case"),
        ({"kind": "IMAGE", "data": {"stored": {"kind": "folder"}}}, "data.stored"),
        ({"kind": "IMAGE", "data": {"stored": STORED, "image": "x" * 5000}}, "limit"),
    ],
)
async def test_an_artifact_that_cannot_be_shown_is_refused_by_name(
    world: World, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        await artifacts.create(world.db, world.tenant_id, await _run(world), **given)


async def test_of_an_image_that_is_kept_elsewhere_there_is_only_a_reference(world: World) -> None:
    data = {"stored": STORED, "mediaType": "image/png"}

    made = await artifacts.create(world.db, world.tenant_id, await _run(world), kind="IMAGE", data=data)

    assert made.data == data


async def _run(world: World) -> Any:
    await world.register()
    return (await world.run()).id


async def _markdown(world: World, run: Any, *, text: str = "# x", key: str | None = None) -> artifacts.Artifact:
    return await artifacts.create(world.db, world.tenant_id, run, kind="MARKDOWN", data={"markdown": text}, key=key)
