"""Blocks: typed by the schema that comes along, without a secret, live for each claim, not deleted under use."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from homeport_control_plane import block_types, blocks, flows, projects
from homeport_control_plane.block_types import TypeDescription
from homeport_control_plane.blocks import Block
from homeport_control_plane.errors import Conflict, InvalidInput, NotFound
from tests.integration.db_world import ACTOR, World

HIDDEN = "hunter2-the-password"
SCHEMA = {
    "type": "object",
    "properties": {
        "host": {"type": "string", "pattern": "^[a-z.]+$"},
        "port": {"type": "integer", "minimum": 1},
        "password": {"type": "string", "format": "homeport-secret-reference"},
    },
    "required": ["host"],
    "additionalProperties": False,
}


def smb(**changes: Any) -> TypeDescription:
    given = {"slug": "smb", "title": "SMB share", "schema": SCHEMA, "secret_fields": ["password"], "version": "0.1.0"}
    return TypeDescription(**{**given, **changes})


async def a_block(world: World, name: str = "test", **changes: Any) -> Block:
    given: dict[str, Any] = {"fields": {"host": "one"}, "secrets": {"password": "env:SMB_PASSWORD"}, "actor": ACTOR}
    return await blocks.create(world.db, world.tenant_id, name=name, **{"block_type": smb(), **given, **changes})


async def test_a_block_is_found_by_type_and_name_by_its_tenant_only(world: World) -> None:
    await a_block(world)

    found = await blocks.get(world.db, world.tenant_id, "smb", "test")

    assert found is not None
    assert (found.fields, found.secrets, found.revision) == ({"host": "one"}, {"password": "env:SMB_PASSWORD"}, 1)
    assert found.created_by == ACTOR
    assert await blocks.get(world.db, uuid4(), "smb", "test") is None
    assert await blocks.get(world.db, world.tenant_id, "s3", "test") is None


async def test_blocks_are_listed_by_type_and_name_page_by_page(world: World) -> None:
    for name in ("b", "a"):
        await a_block(world, name)
    await a_block(world, "z", block_type=smb(slug="s3"))

    first = await blocks.page(world.db, world.tenant_id, first=2)
    rest = await blocks.page(world.db, world.tenant_id, first=2, after=first.end_cursor)
    shares = await blocks.page(world.db, world.tenant_id, block_type="smb")
    kinds = await block_types.page(world.db, world.tenant_id)

    assert [f"{block.type}/{block.name}" for block in (*first.nodes, *rest.nodes)] == ["s3/z", "smb/a", "smb/b"]
    assert [block.name for block in shares.nodes] == ["a", "b"]
    assert [kind.slug for kind in kinds.nodes] == ["s3", "smb"]


async def test_a_name_that_is_taken_is_overwritten_only_when_asked(world: World) -> None:
    await a_block(world)

    again = await a_block(world)  # a lost reply, asked again
    with pytest.raises(Conflict, match="smb/test already"):
        await a_block(world, fields={"host": "two"})
    over = await a_block(world, fields={"host": "two"}, overwrite=True)

    assert again.revision == 1
    assert (over.id, over.fields, over.revision) == (again.id, {"host": "two"}, 2)


async def test_of_ten_who_make_one_name_at_once_one_wins(world: World) -> None:
    made = await asyncio.gather(
        *(a_block(world, fields={"host": letter}) for letter in "abcdefghij"), return_exceptions=True
    )

    won = [one for one in made if isinstance(one, Block)]
    lost = [one for one in made if isinstance(one, Conflict)]
    standing = await blocks.get(world.db, world.tenant_id, "smb", "test")
    assert (len(won), len(lost)) == (1, 9)
    assert standing is not None
    assert standing.fields == won[0].fields


async def test_an_update_changes_what_is_given_and_takes_away_what_is_null(world: World) -> None:
    await a_block(world, fields={"host": "one", "port": 445})

    rotated = await blocks.update(
        world.db, world.tenant_id, "smb", "test", secrets={"password": "keyring:share"}, actor="other"
    )
    shorter = await blocks.update(world.db, world.tenant_id, "smb", "test", fields={"port": None}, actor=ACTOR)
    same = await blocks.update(world.db, world.tenant_id, "smb", "test", fields={"host": "one"}, actor=ACTOR)

    assert (rotated.secrets, rotated.fields["port"], rotated.updated_by) == (
        {"password": "keyring:share"},
        445,
        "other",
    )
    assert (shorter.fields, shorter.secrets) == ({"host": "one"}, {"password": "keyring:share"})
    assert [rotated.revision, shorter.revision, same.revision] == [2, 3, 3]


@pytest.mark.parametrize("kind", ["env", "keyring", "file", "secret", "aws", "azure"])
async def test_every_form_of_reference_is_kept(world: World, kind: str) -> None:
    made = await a_block(world, secrets={"password": f"{kind}:a/b"})

    assert made.secrets == {"password": f"{kind}:a/b"}


async def test_updates_of_different_fields_at_once_lose_none(world: World) -> None:
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    await a_block(world, fields={}, secrets={}, block_type=smb(schema=schema, secret_fields=[]))

    await asyncio.gather(
        *(
            blocks.update(world.db, world.tenant_id, "smb", "test", fields={f"f{number}": number}, actor=ACTOR)
            for number in range(10)
        )
    )

    standing = await blocks.get(world.db, world.tenant_id, "smb", "test")
    assert standing is not None
    assert standing.fields == {f"f{number}": number for number in range(10)}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"secrets": {"password": HIDDEN}}, "secrets.password"),
        ({"secrets": {"password": f"plain:{HIDDEN}"}}, "secrets.password"),
        ({"secrets": {"password": f"env: \n{HIDDEN}"}}, "secrets.password"),
        ({"secrets": {"password": f"env:{HIDDEN}\u202e"}}, "secrets.password"),
        ({"secrets": {"password": "env:"}}, "secrets.password"),
        ({"secrets": {"password": "env:" + "x" * 1000}}, "secrets.password"),
        ({"secrets": {"password": [HIDDEN]}}, "secrets.password"),
        ({"secrets": {"host": "env:HOST"}}, "secrets.host"),
        ({"fields": {"host": "one", "password": HIDDEN}, "secrets": {}}, "fields.password"),
        ({"fields": {"host": "one", "port": HIDDEN}}, "fields.port"),
        ({"fields": {"host": HIDDEN}}, "fields.host"),
        ({"fields": {"host": "one", "hots": HIDDEN}}, "fields"),
        ({"fields": {}}, "fields"),
        ({"fields": [HIDDEN]}, "fields"),
        ({"secrets": HIDDEN}, "secrets"),
    ],
)
async def test_what_does_not_fit_the_type_is_refused_by_path_and_without_the_value(
    world: World, given: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await a_block(world, **given)

    said = (refused.value.message, refused.value.hint, [(f.path, f.message) for f in refused.value.fields])
    assert refused.value.fields[0].path == path
    assert HIDDEN not in repr(said)
    assert await blocks.get(world.db, world.tenant_id, "smb", "test") is None


@pytest.mark.parametrize("name", ["", "a/b", " a", "a b", "../x", "x" * 101, "a\u202e", "-a", "ä"])
async def test_a_name_that_a_command_line_would_not_take_is_refused(world: World, name: str) -> None:
    with pytest.raises(InvalidInput):
        await a_block(world, name)


@pytest.mark.parametrize(
    "described",
    [
        {"slug": "SMB"},
        {"slug": "a/b"},
        {"slug": ""},
        {"title": ""},
        {"version": "x" * 200},
        {"schema": []},
        {"schema": {"$ref": "http://elsewhere.example/schema.json"}},
        {"schema": {"type": "nonsense"}},
        {"schema": {"properties": {"host": {"pattern": "("}}}},
        {"schema": {"type": "object", "description": "x" * 300_000}},
        {"secret_fields": [f"f{number}" for number in range(200)]},
    ],
)
async def test_a_type_that_cannot_be_kept_is_refused(world: World, described: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await a_block(world, block_type=smb(**described))


async def test_a_pattern_that_explodes_is_given_up(world: World) -> None:
    schema = {"type": "object", "properties": {"host": {"type": "string", "pattern": r"^(?=(a+)+$)\w+!"}}}

    with pytest.raises(InvalidInput) as refused:
        await a_block(
            world, fields={"host": "a" * 40 + "b"}, secrets={}, block_type=smb(schema=schema, secret_fields=[])
        )

    assert "a" * 40 not in refused.value.message


async def test_fields_beyond_their_limit_are_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="limit"):
        await a_block(
            world,
            fields={"host": "x" * 70_000},
            secrets={},
            block_type=smb(schema={"type": "object"}, secret_fields=[]),
        )


async def test_the_description_of_the_newest_version_stands(world: World) -> None:
    newer = {**SCHEMA, "properties": {**SCHEMA["properties"], "path": {"type": "string"}}}  # type: ignore[dict-item]
    await a_block(world, "a", block_type=smb(schema=newer, version="0.10.0"))

    await a_block(world, "b")  # an older package on another machine
    await a_block(world, "c", fields={"host": "one", "path": "flows"}, block_type=smb(schema=newer, version="0.10.0"))

    stands = await block_types.get(world.db, world.tenant_id, "smb")
    assert stands is not None
    assert (stands.version, stands.schema) == ("0.10.0", newer)


BY_BLOCK = {"kind": "smb", "block": "smb/test"}


async def test_a_claim_answers_what_the_block_says_now_and_what_was_recorded_with_the_version(world: World) -> None:
    await a_block(world)
    recorded = {**BY_BLOCK, "commit": "abc", "host": "frozen"}
    registered = await world.register("g", storage=recorded)
    await world.runs(2, "g")
    agent = await world.agent()

    [before] = await world.claim(agent)
    await blocks.update(
        world.db, world.tenant_id, "smb", "test", fields={"host": "two"}, secrets={"password": "file:/k"}, actor=ACTOR
    )
    [after] = await world.claim(agent)

    assert before.storage == {**BY_BLOCK, "commit": "abc", "host": "one", "password": "env:SMB_PASSWORD"}
    assert after.storage == {**BY_BLOCK, "commit": "abc", "host": "two", "password": "file:/k"}
    assert registered.flow_version.storage == recorded


async def test_registering_by_the_same_block_changes_nothing_and_by_a_new_one_of_that_name_does(world: World) -> None:
    await a_block(world)
    first = await world.register("g", storage=BY_BLOCK)

    again = await world.register("g", storage=BY_BLOCK)
    await world.register("g", storage={"kind": "folder", "path": "/x"})
    await blocks.delete(world.db, world.tenant_id, "smb", "test")
    await a_block(world, fields={"host": "new"})
    anew = await world.register("g", storage=BY_BLOCK)
    await world.run("g")
    [claim] = await world.claim(await world.agent())

    assert (first.changed, again.changed, anew.changed) == (True, False, True)
    assert claim.storage["host"] == "new"


@pytest.mark.parametrize(
    ("storage", "error", "said"),
    [
        ({"kind": "smb", "block": "smb/absent"}, NotFound, "smb/absent"),
        ({"kind": "smb", "block": "test"}, InvalidInput, "type/name"),
        ({"kind": "smb", "block": 5}, InvalidInput, "type/name"),
        ({"kind": "smb", "block": ""}, InvalidInput, "storage.block"),
        ({"kind": "s3", "block": "smb/test"}, InvalidInput, "storage.kind"),
        ({"block": "smb/test"}, InvalidInput, "storage.kind"),
        ({**BY_BLOCK, "password": "env:X"}, InvalidInput, "storage.password"),
    ],
)
async def test_a_registration_by_a_block_that_cannot_be_meant_is_refused_and_changes_nothing(
    world: World, storage: dict[str, Any], error: type[Exception], said: str
) -> None:
    await a_block(world)

    with pytest.raises(error, match=said):
        await world.register("g", storage=storage)

    assert await flows.by_name(world.db, world.tenant_id, "p", "g") is None


async def test_a_block_under_deployments_is_not_deleted_and_the_refusal_names_them(world: World) -> None:
    await a_block(world)
    for number in range(7):
        await world.register(f"g{number}", storage=BY_BLOCK)

    with pytest.raises(Conflict) as refused:
        await blocks.delete(world.db, world.tenant_id, "smb", "test")
    found = await blocks.get(world.db, world.tenant_id, "smb", "test")
    assert found is not None
    used = await blocks.users(world.db, world.tenant_id, [found.id])
    await projects.delete(world.db, world.tenant_id, "p")
    await blocks.delete(world.db, world.tenant_id, "smb", "test")

    assert "p/g0/default, p/g1/default" in refused.value.message
    assert "and others" in refused.value.message
    assert len(used[found.id]) == 7
    assert await blocks.get(world.db, world.tenant_id, "smb", "test") is None
    with pytest.raises(NotFound):
        await blocks.delete(world.db, world.tenant_id, "smb", "test")
    with pytest.raises(NotFound):
        await blocks.update(world.db, world.tenant_id, "smb", "test", fields={}, actor=ACTOR)


async def test_a_deployment_that_is_registered_while_its_block_is_deleted_never_ends_without_it(world: World) -> None:
    for turn in range(8):
        await a_block(world, f"b{turn}")
        registered, deleted = await asyncio.gather(
            world.register(f"g{turn}", storage={"kind": "smb", "block": f"smb/b{turn}"}),
            blocks.delete(world.db, world.tenant_id, "smb", f"b{turn}"),
            return_exceptions=True,
        )

        assert isinstance(registered, NotFound) != isinstance(deleted, Conflict)
