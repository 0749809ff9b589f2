"""Whatever a client sends: a typed error, never a 5xx, never a stack trace, and nobody else has to wait."""

from __future__ import annotations

import gzip
import json
import socket as sockets
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import get_introspection_query

from tests.conftest import reachable
from tests.services.api import Answer, Api
from tests.services.control_plane import ControlPlane

MiB = 1024 * 1024
NOT_FOUND, INVALID = {"__typename": "NotFound"}, {"__typename": "InvalidInput"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(reachable(tmp_path_factory.mktemp("bad-input")) / "data")
    running.start()
    yield running
    assert "Traceback" not in running.log.read_text()
    running.stop()


@pytest.fixture(scope="module")
def admin(server: ControlPlane) -> Api:
    return Api(server.url, server.admin_key)


def query(text: str, **variables: Any) -> bytes:
    return json.dumps({"query": text, "variables": variables}).encode()


CREATE = "mutation($i: CreateFlowRunInput!) { createFlowRun(input: $i) { __typename ... on Error { message } } }"
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a number": b"5",
    "a text": b'"x"',
    "a batch": b'[{"query": "{ viewer { kind } }"}]',
    "a query that is no text": b'{"query": 5}',
    "variables that are no object": b'{"query": "{ viewer { kind } }", "variables": "x"}',
    "JSON nested 100,000 deep": b'{"query": "{ viewer { kind } }", "variables": {"a": '
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}}",
    "half of a JSON": b'{"query": "{ viewer { ki',
    "invalid UTF-8": b'{"query": "\xff\xfe"}',
    "a lone surrogate in the document": b'{"query": "{ project(name: \\"\\ud800\\") { id } }"}',
    "a lone surrogate in a variable": (
        b'{"query": "query($n: String!) { project(name: $n) { id } }", "variables": {"n": "\\ud800"}}'
    ),
    "NaN": b'{"query": "' + CREATE.encode() + b'", "variables": {"i": {"parameters": {"x": NaN}}}}',
    "1e999": b'{"query": "' + CREATE.encode() + b'", "variables": {"i": {"parameters": {"x": 1e999}}}}',
    "an integer of 5,000 digits": b'{"query": "'
    + CREATE.encode()
    + b'", "variables": {"i": {"parameters": {"x": '
    + b"9" * 5000
    + b"}}}}",
    "NUL in a variable": query("query($n: String!) { project(name: $n) { id } }", n="a\0b"),
    "NUL in the document": query('{ project(name: "a\\u0000b") { id } }'),
    "NUL in a key of parameters": query(CREATE, i={"parameters": {"a\0": 1}}),
    "5,000 digits in the document": query("{ flowRuns(first: " + "9" * 5000 + ") { nodes { id } } }"),
    "1e999 in the document": query(
        'mutation { createFlowRun(input: {project: "p", flow: "f", parameters: {x: 1e999}}) { __typename } }'
    ),
    "no document": query(""),
    "not GraphQL": query("select * from flow_run"),
    "an unknown field": query("{ viewer { secret } }"),
    "an unknown operation name": b'{"query": "query a { viewer { kind } }", "operationName": "b"}',
    "two operations and no name": query("query a { viewer { kind } } query b { viewer { kind } }"),
    "too deep": query("{ flowRun(id: 1) " + "{ flow { versions { nodes { id } } } " * 3 + "}" * 3),
    "too deep through fragments": query(
        '{ __type(name: "FlowRun") { ...f0 } } '
        + " ".join(f"fragment f{n} on __Type {{ ofType {{ ...f{n + 1} }} }}" for n in range(20))
        + " fragment f20 on __Type { name }"
    ),
    "a fragment cycle": query(
        "{ flowRun(id: 1) { ...a } } fragment a on FlowRun { ...b } fragment b on FlowRun { ...a }"
    ),
    "1,001 aliases": query("{" + " ".join(f"a{n}: viewer {{ kind }}" for n in range(1001)) + "}"),
    "300,000 tokens": query("{" + " a" * 300_000 + "}"),
    "4,900 fields of one name": query("{ viewer {" + " kind" * 4_900 + "} }"),
    "fields of one name in fragments": query(
        "{ viewer {" + " ".join(f"... on Viewer {{ {'kind ' * 19} }}" for _ in range(49)) + "} }"
    ),
    "introspection from type to field to type again": query(
        "{ __schema { types { fields { type { fields { type { fields { args { name } } } } } } } } }"
    ),
    "a list inside a list": query("{ flowRuns(first: 1000) { nodes { logs(first: 1000) { nodes { message } } } } }"),
    "first: -1": query("{ flowRuns(first: -1) { nodes { id } } }"),
    "first: 0": query("{ flowRuns(first: 0) { nodes { id } } }"),
    "first: 2147483647": query("{ flowRuns(first: 2147483647) { nodes { id } } }"),
    "first: beyond 32 bits": query("{ flowRuns(first: 2147483648) { nodes { id } } }"),
    "first by variable": query("query($f: Int!) { flowRuns(first: $f) { nodes { id } } }", f=2147483647),
    "a forged cursor": query('{ flowRuns(after: "WzEsMl0") { nodes { id } } }'),
    "a cursor that is none": query('{ flowRuns(after: "; drop table flow_run") { nodes { id } } }'),
    "a cursor of another list": query('{ projects(after: "WyIyMDI2LTExLTIxVDA5OjMwOjAwWiIsIngiXQ") { nodes { id } } }'),
    "a time without a zone": query('{ flowRuns(filter: {createdAfter: "2026-11-21T09:30:00"}) { nodes { id } } }'),
    "a time that is none": query('{ flowRuns(filter: {createdAfter: "yesterday"}) { nodes { id } } }'),
    "an id in a filter that is none": query('{ flowRuns(filter: {deploymentId: "x"}) { nodes { id } } }'),
    "an enum value that is none": query("{ flowRuns(filter: {stateTypes: [DONE]}) { nodes { id } } }"),
    "a subscription over HTTP": query('subscription { flowRunChanged(id: "x") { id } }'),
}


@pytest.mark.parametrize("what", BODIES)
def test_bad_input_is_a_typed_error(admin: Api, what: str) -> None:
    started = time.monotonic()

    answer = admin.post(BODIES[what])

    assert answer.status in (200, 400)
    assert is_typed_error(answer)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ('{ found: flowRuns(filter: {nameContains: "\'; drop table flow_run; --"}) { nodes { id } } }', {"nodes": []}),
        ('{ found: projects(filter: {nameContains: "%"}) { nodes { id } } }', {"nodes": []}),
        ('{ found: projects(filter: {nameContains: "_"}) { nodes { id } } }', {"nodes": []}),
        ('{ found: flowRun(id: "nonsense") { id } }', None),
        ('mutation { found: cancelFlowRun(input: {id: "x"}) { __typename } }', NOT_FOUND),
        ('mutation { found: createProject(input: {name: ""}) { __typename } }', INVALID),
        (f'mutation {{ found: createProject(input: {{name: "{"x" * 10_000}"}}) {{ __typename }} }}', INVALID),
        ('mutation { found: createProject(input: {name: "a\\u001bb"}) { __typename } }', INVALID),
        ('mutation { found: createProject(input: {name: "a\\u202eb"}) { __typename } }', INVALID),
    ],
    ids=[
        "SQL",
        "percent",
        "underscore",
        "no id",
        "no id to cancel",
        "no name",
        "10 kB name",
        "ESC in name",
        "RTL in name",
    ],
)
def test_odd_values_are_taken_for_what_they_are(admin: Api, document: str, found: Any) -> None:
    admin.deployment("a project")

    answer = admin.ask(document)

    assert answer.data["found"] == found


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (415, b"query=x", {"Content_Type": "application/x-www-form-urlencoded"}),
        (415, query("mutation { x }"), {"Content_Type": "text/plain"}),
        (415, b"--x--", {"Content_Type": "multipart/form-data; boundary=x"}),
        (415, gzip.compress(b"{" * 10 * MiB), {"Content_Encoding": "gzip"}),
        (413, b" " * (8 * MiB + 1), {}),
        (401, query("{ viewer { kind } }"), {"Authorization": "Basic abc"}),
        (401, query("{ viewer { kind } }"), {"Authorization": "Bearer"}),
        (401, query("{ viewer { kind } }"), {"Authorization": "Bearer hp_admin_" + "a" * 10_000}),
        (401, query("{ __schema { types { name } } }"), {"Authorization": "none"}),
    ],
)
def test_a_request_that_is_not_for_us_is_refused(admin: Api, status: int, body: bytes, headers: dict[str, str]) -> None:
    answer = admin.post(body, **headers)

    assert answer.status == status
    assert is_typed_error(answer)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_answered(admin: Api, method: str) -> None:
    answer = admin.post(b"", path="/graphql?query={viewer{kind}}", method=method)

    assert answer.status == 405
    assert is_typed_error(answer)


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(server: ControlPlane, admin: Api) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(16):
            yield b" " * MiB

    answer = admin.post(chunks())

    assert answer.status == 413


def test_the_usual_introspection_is_answered_to_whoever_has_a_key(admin: Api) -> None:
    answer = admin.with_key(admin.new_key("viewer")).ask(get_introspection_query())

    assert answer.data["__schema"]["queryType"]["name"] == "Query"


def test_a_key_in_the_address_is_not_looked_at(admin: Api) -> None:
    answer = admin.with_key(None).post(query("{ viewer { kind } }"), path=f"/graphql?token={admin.key}")

    assert answer.status == 400
    assert str(admin.key) not in json.dumps(answer.body)


def test_a_parameter_schema_may_not_point_anywhere(admin: Api) -> None:
    refused = [{"$ref": "http://127.0.0.1:1/x"}, {"$ref": "file:///etc/passwd"}]

    for schema in refused:
        with pytest.raises(AssertionError, match="InvalidInput"):
            admin.deployment(parameterSchema=schema)


def test_a_parameter_schema_with_a_catastrophic_pattern_holds_nobody_up(admin: Api) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    started = time.monotonic()

    try:
        deployment = admin.deployment(parameterSchema=schema)
    except AssertionError:
        pass  # refusing it is fine too
    else:
        admin.ask(CREATE, i={"deploymentId": deployment["id"], "parameters": {"x": "a" * 40 + "!"}})

    assert time.monotonic() - started < 10  # it would be hours


def test_a_hostile_document_does_not_hold_up_the_others(admin: Api) -> None:
    fragments = " ".join(f"fragment f{n} on FlowRun {{ id }}" for n in range(250))
    hostile = query("{" + " ".join(f"flowRun(id: 1) {{ ...f{n} }}" for n in range(250)) + "} " + fragments + " # 250")
    answered = []

    # Counted and not timed, so that a busy machine changes nothing. On one event loop it would be one, two or three.
    for n in range(5):
        sender = threading.Thread(target=admin.post, args=[hostile.replace(b"# 250", b"# %d" % n)])
        sender.start()
        answered.append(0)
        while sender.is_alive():
            assert admin.ask("{ viewer { kind } }").status == 200
            answered[-1] += 1
        sender.join()

    assert min(answered) > 10


def test_after_too_many_wrong_keys_the_address_has_to_wait_and_those_known_do_not(tmp_path: Any) -> None:
    server = ControlPlane(reachable(tmp_path) / "data")
    server.start()
    try:
        admin = Api(server.url, server.admin_key)
        assert admin.ask("{ viewer { kind } }").status == 200

        wrong = [admin.with_key(f"hp_admin_{'0' * 84}").ask("{ viewer { kind } }") for _ in range(101)]

        assert {answer.status for answer in wrong[:100]} == {401}
        assert wrong[100].status == 429
        assert int(wrong[100].headers["retry-after"]) > 0
        assert admin.ask("{ viewer { kind } }").status == 200
    finally:
        server.stop()


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(server: ControlPlane, admin: Api) -> None:
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin.key}\r\n".encode()
    head += b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"

    for _ in range(20):
        with sockets.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head)

    assert admin.ask("{ viewer { kind } }").status == 200


def is_typed_error(answer: Answer) -> bool:
    """Whether every error has words and a code, and shows nothing of the inside."""
    errors = answer.body["errors"]
    text = json.dumps(errors)
    assert not [word for word in ("Traceback", "asyncpg", 'File \\"', ".py", "INTERNAL") if word in text], text
    return bool(errors) and all(error["message"] and error["extensions"]["code"] for error in errors)
