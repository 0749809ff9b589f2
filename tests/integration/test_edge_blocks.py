"""Blocks over HTTP: whatever a client sends is answered with a typed error, and another tenant sees nothing."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.services.api import Api, another_tenant
from tests.services.control_plane import ControlPlane

HIDDEN = "hunter2-the-password"
CREATE = (
    "mutation($i: CreateBlockInput!) { createBlock(input: $i) { __typename"
    " ... on Error { message hint } ... on InvalidInput { fields { path message } } } }"
)
TYPE: dict[str, Any] = {
    "slug": "edge",
    "title": "Edge",
    "schema": {"type": "object", "properties": {"host": {"type": "string"}, "key": {"type": "string"}}},
    "secretFields": ["key"],
    "version": "1",
}
DEEP: Any = {}
for _ in range(200):
    DEEP = {"a": DEEP}


@pytest.fixture
def admin(shared_control_plane: ControlPlane) -> Api:
    return Api(shared_control_plane.url, shared_control_plane.admin_key)


def create(caller: Api, **changes: Any) -> Any:
    given = {"type": TYPE, "name": "x", "fields": {"host": "h"}, "secrets": {"key": "env:KEY"}, **changes}
    return caller.ask(CREATE, i=given)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "\ud800"},
        {"name": "\0"},
        {"name": "x" * 100_000},
        {"fields": {"host": "\0"}},
        {"fields": {"\ud800": "x"}},
        {"fields": DEEP},
        {"fields": {"host": "h", "n": 2**70}},
        {"fields": 5},
        {"fields": {"host": "x" * 100_000}},
        {"fields": {"key": HIDDEN}},
        {"secrets": {"key": HIDDEN}},
        {"secrets": {"key": {"env": HIDDEN}}},
        {"secrets": {"key": f"env:\0{HIDDEN}"}},
        {"secrets": {"key": f"env:\ud800{HIDDEN}"}},
        {"secrets": {HIDDEN: "env:X"}, "fields": {}},
        {"type": {**TYPE, "slug": "\0"}},
        {"type": {**TYPE, "slug": "a" * 200}},
        {"type": {**TYPE, "title": "\u202e"}},
        {"type": {**TYPE, "schema": 5}},
        {"type": {**TYPE, "schema": DEEP}},
        {"type": {**TYPE, "schema": {"$ref": "file:///etc/passwd"}}},
        {"type": {**TYPE, "schema": {"properties": {"a": "\ud800"}}}},
        {"type": {**TYPE, "secretFields": ["\0"]}},
        {"type": {**TYPE, "version": "\0"}},
        {"type": {**TYPE, "version": "9" * 90}},
    ],
)
def test_hostile_input_is_answered_with_a_typed_error_and_never_repeated(admin: Api, changes: dict[str, Any]) -> None:
    answer = create(admin, **changes)

    assert answer.status in (200, 400)
    member = (answer.body.get("data") or {}).get("createBlock") or {"__typename": answer.code}
    if "9" * 90 in str(changes):
        assert member["__typename"] == "BlockCreated"  # a number, however long
        return
    assert member["__typename"] in ("InvalidInput", "BAD_INPUT", "BAD_REQUEST")
    if HIDDEN not in (changes.get("secrets") or {}):  # a field's name is no value
        assert HIDDEN not in str(answer.body)


def test_a_schema_that_explodes_is_given_up_within_a_moment(admin: Api) -> None:
    schema = {"type": "object", "properties": {"host": {"type": "string", "pattern": r"^(?=(a+)+$)\w+!"}}}

    began = time.perf_counter()
    answer = create(
        admin, type={**TYPE, "slug": "slow", "schema": schema, "secretFields": []}, secrets={},
        fields={"host": "a" * 60_000 + "b"},
    )  # fmt: skip

    assert answer.data["createBlock"]["__typename"] == "InvalidInput"
    assert time.perf_counter() - began < 20  # it would be hours


def test_another_tenant_neither_sees_nor_changes_a_block_nor_registers_with_it(
    admin: Api, shared_control_plane: ControlPlane
) -> None:
    stranger = admin.with_key(another_tenant(shared_control_plane))
    assert create(admin, name="ours").data["createBlock"]["__typename"] == "BlockCreated"

    seen = stranger.ask(
        '{ block(type: "edge", name: "ours") { id } blocks { nodes { id } } blockTypes { nodes { slug } } }'
    )
    changed = stranger.ask(
        'mutation { updateBlock(input: {type: "edge", name: "ours", fields: {host: "theirs"}}) { __typename } }'
    )
    deleted = stranger.ask('mutation { deleteBlock(input: {type: "edge", name: "ours"}) { __typename } }')
    stranger.ask('mutation { createProject(input: {name: "theirs"}) { __typename } }')
    registered = stranger.ask(
        "mutation($i: RegisterFlowInput!) { registerFlow(input: $i) { __typename ... on NotFound { ref } } }",
        i={
            "project": "theirs", "name": "f", "entrypoint": "f.py:f", "parameterSchema": {}, "sdkVersion": "0",
            "pythonVersion": "3", "storage": {"kind": "edge", "block": "edge/ours"},
            "contentDigest": "sha256:" + "a" * 64,
        },
    )  # fmt: skip
    own = create(stranger, name="ours").data["createBlock"]["__typename"]

    assert seen.data == {"block": None, "blocks": {"nodes": []}, "blockTypes": {"nodes": []}}
    assert changed.data["updateBlock"]["__typename"] == deleted.data["deleteBlock"]["__typename"] == "NotFound"
    assert registered.data["registerFlow"] == {"__typename": "NotFound", "ref": "edge/ours"}
    assert own == "BlockCreated"
    ours = admin.ask('{ block(type: "edge", name: "ours") { fields } }')
    assert ours.data["block"]["fields"] == {"host": "h"}


def test_the_answer_shows_blocks_with_their_type_and_the_deployments_that_need_them(admin: Api) -> None:
    create(admin, name="used")
    admin.deployment("by-block", storage={"kind": "edge", "block": "edge/used"})

    [found] = [
        node
        for node in admin.ask(
            '{ blocks(filter: {type: "edge"}) { nodes { name secrets type { slug secretFields }'
            " deployments { name flow { name project { name } } flowVersion { block storage } } } } }"
        ).data["blocks"]["nodes"]
        if node["name"] == "used"
    ]

    assert found["type"] == {"slug": "edge", "secretFields": ["key"]}
    assert found["secrets"] == {"key": "env:KEY"}
    assert found["deployments"] == [
        {
            "name": "default",
            "flow": {"name": "flow", "project": {"name": "by-block"}},
            "flowVersion": {"block": "edge/used", "storage": {"kind": "edge", "block": "edge/used"}},
        }
    ]
