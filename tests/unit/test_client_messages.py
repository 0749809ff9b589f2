"""What is sent, and what an answer means, without any network."""

import json
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest

from homeport.client import BadRequest, Forbidden, Unauthenticated, Unavailable, Unreachable, VersionMismatch
from homeport.client.errors import ClientError
from homeport.client.messages import build_request, decode_response, encode


def test_a_request_carries_the_operation_its_name_and_the_key_as_bearer() -> None:
    request = build_request("viewer", None, "hp_admin_x")

    body = json.loads(request.content)
    assert body["operationName"] == "viewer"
    assert body["query"].startswith("query viewer")
    assert request.headers["Authorization"] == "Bearer hp_admin_x"


def test_times_with_a_zone_travel_as_utc_and_ids_as_text() -> None:
    at = datetime(2026, 11, 21, 10, 30, tzinfo=timezone(timedelta(hours=1)))

    assert encode({"at": at}) == b'{"at":"2026-11-21T09:30:00.000000Z"}'
    assert encode(UUID(int=1)) == b'"00000000-0000-0000-0000-000000000001"'


@pytest.mark.parametrize("key", ["hp_secret\nX-Evil: 1", "hp_sécret", "hp secret"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_without_being_named(key: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        build_request("viewer", None, key)

    assert key not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), "\ud800", object(), datetime(2026, 1, 1)])
def test_what_json_cannot_hold_is_refused_before_it_is_sent(value: object) -> None:
    with pytest.raises(BadRequest):
        encode({"value": value})


def test_the_data_of_an_answer_is_handed_back() -> None:
    assert decode_response("viewer", 200, {}, b'{"data":{"viewer":{"kind":"ADMIN"}}}') == {"viewer": {"kind": "ADMIN"}}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"errors": [{"message": "no", "extensions": {"code": "UNAUTHENTICATED"}}]}, Unauthenticated),
        (200, {"data": None, "errors": [{"message": "no", "extensions": {"code": "FORBIDDEN"}}]}, Forbidden),
        (400, {"errors": [{"message": "syntax error"}]}, BadRequest),
        (413, {"errors": [{"message": "too large"}]}, BadRequest),
        (429, {"errors": [{"message": "slow down"}]}, Unavailable),
        (503, {"error": "starting"}, Unavailable),
        (502, "<html>bad gateway</html>", Unavailable),
        (404, "<html>not here</html>", BadRequest),
        (200, "<html>a login page</html>", BadRequest),
        (200, [], BadRequest),
        (200, None, BadRequest),
    ],
)
def test_each_kind_of_refusal_becomes_the_error_its_caller_acts_on(
    status: int, body: object, expected: type[ClientError]
) -> None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()

    with pytest.raises(expected) as caught:
        decode_response("viewer", status, {"content-type": "text/html"}, content)

    assert caught.value.operation == "viewer"


def misunderstood(message: str, **more: str) -> bytes:
    return json.dumps({"errors": [{"message": message, "extensions": {"code": "BAD_DOCUMENT", **more}}]}).encode()


@pytest.mark.parametrize(
    ("server", "named", "mend"),
    [
        ({"serverVersion": "99.1.0"}, "(version 99.1.0)", "Upgrade this homeport"),
        ({"serverVersion": "0.0.1"}, "(version 0.0.1)", "Upgrade the control plane"),
        ({}, "(of another version)", "Upgrade the older one"),
    ],
)
def test_a_control_plane_that_does_not_know_an_operation_is_of_another_version(
    server: dict[str, str], named: str, mend: str
) -> None:
    with pytest.raises(VersionMismatch) as caught:
        decode_response("viewer", 400, {}, misunderstood("Cannot query field 'x' on type 'Viewer'.", **server))

    assert named in caught.value.message
    assert "Cannot query" not in caught.value.message
    assert mend in (caught.value.hint or "")


def test_a_value_out_of_range_is_not_blamed_on_versions() -> None:
    said = "Variable '$first' got invalid value 99999999999; Int cannot represent non 32-bit signed integer value"

    with pytest.raises(BadRequest, match="32-bit") as caught:
        decode_response("flowRuns", 200, {}, misunderstood(said))

    assert not isinstance(caught.value, VersionMismatch)


def test_an_answer_that_says_not_now_is_worth_asking_again_and_says_when() -> None:
    with pytest.raises(Unreachable) as caught:
        decode_response("viewer", 503, {"retry-after": "2"}, b'{"errors":[{"message":"restarting"}]}')

    assert isinstance(caught.value, Unavailable)
    assert caught.value.retry_after == 2.0


def test_answers_of_nonsense_never_raise_anything_but_a_client_error() -> None:
    for content in (b"", b"\xff\xfe", b"[" * 100_000, b'{"errors": 5}', b'{"errors": [null]}', b'{"data": 7}'):
        with pytest.raises(ClientError):
            decode_response("viewer", 200, {}, content)
