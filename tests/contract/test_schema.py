"""The contract is a committed file, and every operation in it says who may use it."""

from __future__ import annotations

from pathlib import Path

import homeport_control_plane
from homeport_control_plane.api.permissions import DECLARED
from homeport_control_plane.api.schema import build, export

COMMITTED = Path(homeport_control_plane.__file__).with_name("schema.graphql")


def test_the_committed_schema_is_what_the_server_serves() -> None:
    committed = COMMITTED.read_text()

    exported = export()

    assert exported == committed, "run `make schema` and look at the difference: it is a change of the wire"


def test_every_root_field_declares_who_may_ask_for_it() -> None:
    core = build()._schema

    roots = (core.query_type, core.mutation_type, core.subscription_type)
    fields = {name for root in roots if root for name in root.fields}

    assert fields == set(DECLARED)
    assert all(DECLARED[field] for field in fields)


def test_the_schema_has_no_field_to_put_code_or_credentials_in() -> None:
    words = COMMITTED.read_text().lower()

    assert not [word for word in ("password", "credential", "sourcecode", "pickle") if word in words]
