"""Digests of values: the same for equal values in every process, others for others."""

import dataclasses
import datetime
import decimal
import enum
import json
import os
import pathlib
import subprocess
import sys
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.caching import digest, hash_objects
from homeport.caching.hashing import Unhashable
from homeport.caching.keys import code_digest


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: int
    tags: frozenset


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.binary(max_size=8)
    | st.dates() | st.datetimes() | st.decimals(allow_nan=False) | st.uuids() | st.timedeltas()
)  # fmt: skip
hashable = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4), max_leaves=6)
values = st.recursive(
    hashable, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hashable, inner, max_size=4), max_leaves=10
)


def in_other_order(value):
    """An equal value, built the other way round, of objects of its own."""
    if isinstance(value, dict):
        return {in_other_order(key): in_other_order(value[key]) for key in reversed(list(value))}
    if isinstance(value, frozenset):
        return frozenset(in_other_order(item) for item in reversed(list(value)))
    if isinstance(value, list | tuple):
        return type(value)(in_other_order(item) for item in value)
    if isinstance(value, str):
        return "".join(list(value))
    return value


@settings(max_examples=200, deadline=None)
@given(values)
def test_an_equal_value_that_was_built_another_way_has_the_same_digest(value):
    assert digest(in_other_order(value)) == digest(value)


@settings(max_examples=200, deadline=None)
@given(values, values)
def test_values_that_print_otherwise_have_other_digests(one, other):
    if one != other:
        assert digest(one) != digest(other)


@settings(max_examples=8, deadline=None)
@given(st.lists(values, min_size=5, max_size=20))
def test_another_process_with_other_hash_seed_makes_the_same_digests(several):
    program = "import sys, pickle; from homeport.caching import digest; " + (
        "[print(digest(value)) for value in pickle.load(sys.stdin.buffer)]"
    )
    import pickle

    said = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps(several), env={**os.environ, "PYTHONHASHSEED": "77"}, capture_output=True, check=True,
        timeout=60,
    ).stdout.split()  # fmt: skip

    assert [line.decode() for line in said] == [digest(value) for value in several]


PROGRAM = """
import dataclasses, datetime, decimal, json, pathlib, numpy, pandas
from homeport.caching import digest
from homeport.caching.keys import code_digest

@dataclasses.dataclass
class Point:
    x: int
    tags: frozenset

def chooses(x):
    # a comment
    return x in {"a", "b", "c"}

print(json.dumps([digest(one) for one in [
    Point(1, frozenset({"a", "b", "c"})), pathlib.Path("/a"), datetime.datetime(2026, 1, 1),
    numpy.arange(10), numpy.arange(10)[::2], pandas.DataFrame({"a": [1], "b": ["x"]}),
    {"deep": [{"set": {"x", "y", "z"}}]}, len,
]] + [code_digest(chooses)]))
"""


def test_objects_arrays_tables_and_code_have_the_same_digest_in_each_process():
    said = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", PROGRAM], env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True, check=True, timeout=60,
            ).stdout
        )
        for seed in ("1", "2")
    ]  # fmt: skip

    assert said[0] == said[1]
    assert len(set(said[0])) == len(said[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0), (1, True), (0, False), (1, "1"), ([1], (1,)), ({1: 2}, {"1": 2}), (b"x", "x"), (None, "null"),
        ({"a": 1}, [["a", 1]]), (set(), frozenset()), ([[], [1]], [[1], []]), (Colour.RED, 1), (0.0, -0.0),
        (pathlib.PurePosixPath("a"), "a"), (uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (decimal.Decimal("1.0"), decimal.Decimal("1.00")), (Point(1, frozenset()), Point(2, frozenset())),
        (datetime.datetime(2026, 1, 1), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
    ],
)  # fmt: skip
def test_values_that_are_not_the_same_have_other_digests(one, other):
    assert digest(one) != digest(other)


def test_nan_has_a_digest_that_is_its_own():
    assert digest(float("nan")) == digest(float("nan"))
    assert digest([float("nan")]) != digest([None])


def test_hash_objects_takes_several():
    assert hash_objects(1, x=2) == hash_objects(1, x=2) != hash_objects(1, 2)


def test_what_has_no_value_has_no_digest_and_the_message_says_why():
    contains_itself: list = []
    contains_itself.append(contains_itself)

    with pytest.raises(Unhashable, match="used up"):
        digest([1, (x for x in ())])
    with pytest.raises(Unhashable, match="contains itself"):
        digest(contains_itself)
    with pytest.raises(Unhashable, match="lock"):
        digest({"a": __import__("threading").Lock()})


def test_the_digest_of_code_follows_what_it_does_and_not_where_it_stands():
    def one(x):
        return x + 1

    def same(x):
        # in other words
        return x + 1

    def other(x):
        return x + 2

    assert code_digest(one) == code_digest(same) != code_digest(other)
