"""Parameters of function flows: schema, check and conversion."""

import subprocess
import sys
from datetime import date
from enum import Enum
from typing import Annotated, Literal

import jsonschema_rs
import pytest
from pydantic import BaseModel, Field

from homeport import flow
from homeport.engine.parameters import ParameterError
from homeport.testing import try_run


class Colour(Enum):
    RED = "red"


class Address(BaseModel):
    street: str
    number: int = 1


@flow
def shop(
    name: str,
    day: date = date(2026, 11, 21),
    colour: Colour = Colour.RED,
    to: Address | None = None,
    count: Annotated[int, Field(ge=1)] = 1,
    size: Literal["s", "l"] = "s",
    anything=None,
):
    return name, day, colour, to, count, size, anything


def test_the_schema_is_valid_and_says_types_defaults_and_what_is_required():
    schema = shop.parameter_schema()

    jsonschema_rs.validator_for(schema)
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["day"] == {"title": "day", "type": "string", "format": "date", "default": "2026-11-21"}
    assert schema["properties"]["count"]["minimum"] == 1
    assert schema["properties"]["size"]["enum"] == ["s", "l"]
    assert schema["properties"]["anything"] == {"title": "anything", "default": None}


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({"name": "a"}, True),
        ({"name": "a", "to": {"street": "b"}, "count": 3}, True),
        ({}, False),
        ({"name": 5}, False),
        ({"name": "a", "count": 0}, False),
        ({"name": "a", "colour": "blue"}, False),
        ({"name": "a", "to": {"number": 3}}, False),
        ({"name": "a", "other": 1}, False),
    ],
)
def test_the_schema_and_the_check_before_the_run_agree(values, fits):
    assert jsonschema_rs.validator_for(shop.parameter_schema()).is_valid(values) is fits
    assert try_run(shop, **values).state.is_completed() is fits


def test_values_are_converted_to_the_types_of_the_signature():
    tried = try_run(shop, name="a", day="2026-01-02", colour="red", to={"street": "b"}, count="4")

    assert tried.state.result() == ("a", date(2026, 1, 2), Colour.RED, Address(street="b"), 4, "s", None)


def test_every_problem_is_named_with_what_was_found():
    tried = try_run(shop, name="a", count="many", to={"number": 3})

    assert "count: Input should be a valid integer" in tried.state.message
    assert "(it was given 'many')" in tried.state.message
    assert "to.street: Field required" in tried.state.message


def test_a_misspelt_parameter_is_refused_with_the_one_that_is_meant():
    with pytest.raises(ParameterError, match=r"nmae: there is no such parameter \(is 'name' meant\?\)"):
        shop.run(nmae="a")


def test_user_code_does_not_run_with_wrong_parameters():
    called = []

    @flow
    def calls(number: int):
        called.append(number)

    assert try_run(calls, number="x").state.is_failed()
    assert called == []


def test_wrong_parameters_are_not_retried():
    @flow(retries=5, retry_delay_seconds=60)
    def calls(number: int): ...

    assert try_run(calls, number="x").reported.run_states[-1].is_failed()


def test_validate_parameters_false_gives_values_as_they_are():
    @flow(validate_parameters=False)
    def trusting(number: int):
        return number

    assert try_run(trusting, number="x").state.result() == "x"


def test_positional_and_variable_parameters_keep_their_places():
    @flow
    def all_kinds(first, /, second, *more, named=0, **rest):
        return first, second, more, named, rest

    assert all_kinds(1, 2, 3, 4, named=5, other=6) == (1, 2, (3, 4), 5, {"other": 6})
    assert all_kinds.parameter_schema()["additionalProperties"] is True


def test_a_type_that_json_cannot_say_takes_anything_in_the_schema():
    class Own: ...

    @flow
    def takes(own: Own, default: Own = Own()):  # noqa: B008
        return own

    schema = takes.parameter_schema()

    assert schema["properties"]["own"] == {"title": "own"}
    assert isinstance(schema["properties"]["default"]["default"], str)
    assert isinstance(takes(Own()), Own)


def test_an_annotation_that_only_a_type_checker_knows_takes_anything():
    @flow
    def takes(frame: "pandas.DataFrame", number: int = 1):  # noqa: F821
        return frame

    assert takes("a") == "a"
    assert "frame" in takes.parameter_schema()["properties"]


def test_plain_values_of_the_right_type_need_no_pydantic():
    program = """if True:
        import sys
        from homeport import flow
        @flow
        def plain(name: str, number: int = 1): return name
        assert plain("a", 2) == "a"
        assert "pydantic" not in sys.modules
    """

    subprocess.run([sys.executable, "-c", program], check=True, timeout=30, capture_output=True)
