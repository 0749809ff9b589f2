"""Every operation of the contract, asked by everybody: generated from the schema, so that none can be forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_required_argument,
    is_required_input_field,
)

from homeport_control_plane.api.permissions import DECLARED
from homeport_control_plane.api.schema import build
from tests.conftest import reachable
from tests.services.api import Api, another_tenant, expire, unacknowledged
from tests.services.control_plane import ControlPlane

SCHEMA = build()._schema
KINDS = ("admin", "member", "viewer", "agent", "run")
NO_LONGER = ("expired", "revoked", "mistyped")
FIELDS = sorted(
    field
    for root in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    if root
    for field in root.fields
)


@dataclass
class Everybody:
    """A server with one of everything, and a key of each kind."""

    admin: Api
    keys: dict[str, str]
    ids: dict[str, Any]


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everybody]:
    server = ControlPlane(reachable(tmp_path_factory.mktemp("everybody")) / "data")
    server.start()
    admin = Api(server.url, server.admin_key)
    keys = {kind: admin.new_key(kind) for kind in ("member", "viewer", "agent")}
    keys["admin"] = server.admin_key
    keys["expired"], keys["revoked"] = admin.new_key("admin"), admin.new_key("admin")
    expire(server, keys["expired"])
    admin.revoke(keys["revoked"])
    keys["mistyped"] = server.admin_key[:-1] + ("0" if server.admin_key[-1] != "0" else "1")
    keys["other tenant"] = another_tenant(server)
    deployment = admin.deployment("everybody")
    agent = admin.with_key(keys["agent"]).agent()
    taken = admin.run(deployment["id"])
    claim = admin.with_key(keys["agent"]).claim(agent).data["claimFlowRuns"]["claims"][0]
    keys["run"] = claim["runToken"]
    ids = {"flowRun": admin.run(deployment["id"]), "taken": taken, "attempt": claim["attemptId"], **agent}
    yield Everybody(admin, keys, ids | {"deployment": deployment["id"], "flow": deployment["flow"]["id"]})
    server.stop()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", FIELDS)
def test_a_key_may_do_what_its_kind_may_and_nothing_else(everybody: Everybody, field: str, kind: str) -> None:
    caller = everybody.admin.with_key(everybody.keys[kind])

    codes = ask(caller, field, _harmless(field))

    if kind in DECLARED[field]:
        assert not codes & {"FORBIDDEN", "UNAUTHENTICATED", "INTERNAL"}, codes
    else:
        assert codes == {"FORBIDDEN"}


@pytest.mark.parametrize("who", ["nobody", *NO_LONGER])
@pytest.mark.parametrize("field", FIELDS)
def test_nobody_may_do_anything_without_a_good_key(everybody: Everybody, field: str, who: str) -> None:
    # From an address of its own, so that the many failures hold up nobody else's tests.
    caller = everybody.admin.with_key(everybody.keys.get(who)).calling_from("127.0.0.2")

    codes = ask(caller, field, _harmless(field))

    assert codes <= {"UNAUTHENTICATED", "RATE_LIMITED"}
    assert codes


@pytest.mark.parametrize(
    ("query", "nothing"),
    [
        ('{ found: flowRun(id: "$flowRun") { id } }', None),
        ('{ found: explainFlowRun(id: "$flowRun") { verdict } }', None),
        ('{ found: deployment(id: "$deployment") { id } }', None),
        ('{ found: flow(id: "$flow") { id } }', None),
        ('{ found: project(name: "everybody") { id } }', None),
        ('{ found: workQueue(name: "default") { id } }', None),
        ("{ found: flowRuns { nodes { id } } }", {"nodes": []}),
        ('{ found: flowRuns(filter: {ref: "$flowRun"}) { nodes { id } } }', {"nodes": []}),
        ("{ found: flows { nodes { id } } }", {"nodes": []}),
        ("{ found: projects { nodes { id } } }", {"nodes": []}),
        ("{ found: deployments { nodes { id } } }", {"nodes": []}),
        ("{ found: agents { nodes { id } } }", {"nodes": []}),
        ("{ found: workQueues { nodes { id } } }", {"nodes": []}),
        ("{ found: artifacts { nodes { id } } }", {"nodes": []}),
        ("{ found: keyValues { nodes { key } } }", {"nodes": []}),
        (
            'mutation { found: createArtifact(input: {kind: LINK, data: {link: "x"}, flowRunId: "$flowRun"})'
            " { __typename } }",
            {"__typename": "NotFound"},
        ),
        ('mutation { found: cancelFlowRun(input: {id: "$flowRun"}) { __typename } }', {"__typename": "NotFound"}),
        ('mutation { found: resumeFlowRun(input: {id: "$flowRun"}) { __typename } }', {"__typename": "NotFound"}),
        ('mutation { found: retryFlowRun(input: {id: "$flowRun"}) { __typename } }', {"__typename": "NotFound"}),
        ('mutation { found: deleteProject(input: {name: "everybody"}) { __typename } }', {"__typename": "NotFound"}),
        (
            'mutation { found: createFlowRun(input: {deploymentId: "$deployment"}) { __typename } }',
            {"__typename": "NotFound"},
        ),
        (
            'mutation { found: claimFlowRun(input: {id: "$flowRun", executor: "me"}) { __typename } }',
            {"__typename": "NotFound"},
        ),
    ],
)
def test_another_tenant_sees_and_changes_nothing_of_ours(everybody: Everybody, query: str, nothing: Any) -> None:
    for name, id in everybody.ids.items():
        query = query.replace(f"${name}", id)
    stranger = everybody.admin.with_key(everybody.keys["other tenant"])

    answer = stranger.ask(query)

    assert answer.data["found"] == nothing
    assert _run_state(everybody) == "SCHEDULED"


def test_a_run_token_is_good_for_its_own_attempt_only(everybody: Everybody) -> None:
    token = everybody.admin.with_key(everybody.keys["run"])
    other = str(uuid4())

    answers = [token.start(other), token.report(other, []), token.finish(other)]

    assert [next(iter(answer.data.values()))["__typename"] for answer in answers] == ["NotFound"] * 3


def test_a_run_token_sees_and_starts_runs_of_its_own_project_only(everybody: Everybody) -> None:
    token = everybody.admin.with_key(everybody.keys["run"])
    elsewhere = everybody.admin.deployment("elsewhere")
    look = "query($id: ID!) { flowRun(id: $id) { id } }"
    start = "mutation($i: CreateFlowRunInput!) { createFlowRun(input: $i) { __typename } }"

    own = token.ask(look, id=everybody.ids["flowRun"]).data["flowRun"]
    other = token.ask(look, id=everybody.admin.run(elsewhere["id"])).data["flowRun"]
    started = [
        token.ask(start, i={"deploymentId": id}).data["createFlowRun"]["__typename"]
        for id in (everybody.ids["deployment"], elsewhere["id"])
    ]
    said_by_a_key = everybody.admin.ask(start, i={"deploymentId": elsewhere["id"], "taskRunId": str(uuid4())})

    assert (own["id"], other) == (everybody.ids["flowRun"], None)
    assert started == ["FlowRunCreated", "NotFound"]
    assert said_by_a_key.data["createFlowRun"]["__typename"] == "InvalidInput"


def test_a_run_token_makes_artifacts_of_its_own_run_only(everybody: Everybody) -> None:
    token = everybody.admin.with_key(everybody.keys["run"])
    make = "mutation($i: CreateArtifactInput!) { createArtifact(input: $i) { __typename } }"
    link = {"kind": "LINK", "data": {"link": "https://example.com"}}

    made = [
        token.ask(make, i={**link, **of}).data["createArtifact"]["__typename"]
        for of in ({}, {"flowRunId": everybody.ids["taken"]}, {"flowRunId": everybody.ids["flowRun"]})
    ]

    assert made == ["ArtifactCreated", "ArtifactCreated", "NotFound"]


def test_an_agent_finishes_and_releases_only_what_its_own_agent_holds(everybody: Everybody) -> None:
    stranger = everybody.admin.with_key(everybody.admin.new_key("agent"))
    attempt = everybody.ids["attempt"]
    release = 'mutation($a: ID!) { releaseAttempt(input: {attemptId: $a, reason: "x"}) { __typename } }'

    finished = stranger.finish(attempt, "CRASHED")
    released = stranger.ask(release, a=attempt)

    assert finished.data["finishAttempt"]["__typename"] == "NotFound"
    assert released.data["releaseAttempt"]["__typename"] == "NotFound"


def test_an_agent_key_bound_to_queues_serves_no_others(everybody: Everybody) -> None:
    bound = everybody.admin.with_key(everybody.admin.new_key("agent", queues=["mine"]))
    register = (
        'mutation { registerAgent(input: {name: "b", kind: "local", version: "0", host: "h", capacity: 1,'
        ' queues: ["default"]}) { __typename } }'
    )

    answer = bound.ask(register)

    assert answer.data["registerAgent"]["__typename"] == "InvalidInput"


def ask(caller: Api, field: str, values: dict[str, Any]) -> set[str]:
    """The codes of the errors that the smallest document with this field is answered with."""
    kind, document, variables = document_of(SCHEMA, field, values)
    if kind == "subscription":
        return asyncio.run(_watch(caller, document, variables))
    answer = caller.ask(document, **variables)
    return {error["extensions"]["code"] for error in answer.body.get("errors", ())}


async def _watch(caller: Api, document: str, variables: dict[str, Any]) -> set[str]:
    async with unacknowledged(caller.url) as opened:
        await opened.send({"type": "connection_init", "payload": {"authorization": f"Bearer {caller.key}"}})
        await opened.subscribe(document, **variables)
        try:
            if (await opened.receive())["type"] != "connection_ack":
                return set()
            message = await opened.receive()
        except Exception:
            return {"UNAUTHENTICATED"} if opened.connection.close_code == 4403 else set()
    payload = message.get("payload") or {}
    errors = payload if isinstance(payload, list) else payload.get("errors", ())
    return {error["extensions"]["code"] for error in errors}


def document_of(schema: GraphQLSchema, field: str, values: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """The smallest document that asks for the field, with a value for each required argument."""
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    kind, root = next((kind, root) for kind, root in roots.items() if root and field in root.fields)
    definition = root.fields[field]
    given = {name: a for name, a in definition.args.items() if is_required_argument(a) or name in values}
    variables = {name: values.get(name, _value_of(a.type, values)) for name, a in given.items()}
    declared = ", ".join(f"${name}: {a.type}" for name, a in given.items())
    passed = ", ".join(f"{name}: ${name}" for name in given)
    composite = not hasattr(get_named_type(definition.type), "values") and get_named_type(definition.type)
    selection = "{ __typename }" if composite else ""
    head = f"{kind}({declared})" if declared else kind
    return kind, f"{head} {{ {field}{f'({passed})' if passed else ''} {selection} }}", variables


def _value_of(type_: Any, values: dict[str, Any]) -> Any:
    bare = get_nullable_type(type_)
    if isinstance(bare, GraphQLList):
        return []
    if isinstance(bare, GraphQLInputObjectType):
        return {
            name: values.get(name, _value_of(f.type, values))
            for name, f in bare.fields.items()
            if is_required_input_field(f) or name in values
        }
    if isinstance(bare, GraphQLEnumType):
        return next(iter(bare.values))
    assert not isinstance(bare, GraphQLNonNull | GraphQLObjectType)
    return {"Int": 1, "Float": 0, "Boolean": False, "JSON": {}, "EventBatch": {"events": []}}.get(
        bare.name, str(uuid4())
    )


def _harmless(field: str) -> dict[str, Any]:
    """Values that touch nothing of the fixture; what asks for nobody's row is answered all the same."""
    return {"waitSeconds": 0, "first": 1} if field not in ("createApiKey",) else {"name": "made by the matrix"}


def _run_state(everybody: Everybody) -> str:
    answer = everybody.admin.ask("query($id: ID!) { flowRun(id: $id) { state { type } } }", id=everybody.ids["flowRun"])
    return str(answer.data["flowRun"]["state"]["type"])
