"""Error members of a mutation's union become exceptions that name what was wrong."""

import pytest

from homeport.client import (
    BadRequest,
    ConflictError,
    FencedError,
    InvalidInputError,
    InvalidTransitionError,
    NotFoundError,
    Refused,
    SessionSupersededError,
    expect,
)


def test_the_expected_member_is_handed_back() -> None:
    assert expect({"__typename": "ProjectCreated", "created": True}, "ProjectCreated")["created"] is True


@pytest.mark.parametrize(
    ("typename", "error"),
    [
        ("NotFound", NotFoundError),
        ("Conflict", ConflictError),
        ("InvalidInput", InvalidInputError),
        ("InvalidTransition", InvalidTransitionError),
        ("Fenced", FencedError),
        ("SessionSuperseded", SessionSupersededError),
        ("SomethingOfALaterVersion", BadRequest),
    ],
)
def test_each_error_member_has_its_exception_with_message_and_hint(typename: str, error: type[Refused]) -> None:
    with pytest.raises(error) as caught:
        expect({"__typename": typename, "message": "what was found", "hint": "what to do"}, "Expected")

    assert caught.value.message == "what was found"
    assert caught.value.hint == "what to do"


def test_wrong_fields_are_named_with_what_is_wrong_with_them() -> None:
    answer = {
        "__typename": "InvalidInput",
        "message": "The parameters are not what the flow takes.",
        "fields": [{"path": "parameters.times", "message": '"many" is not of type "integer"'}],
    }

    with pytest.raises(InvalidInputError) as caught:
        expect(answer, "FlowRunCreated")

    assert caught.value.fields == [("parameters.times", '"many" is not of type "integer"')]
    assert "parameters.times" in caught.value.message
