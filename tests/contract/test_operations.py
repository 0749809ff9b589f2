"""The operations of the customer's side fit the control plane's contract: those of now, and those in the field."""

import shutil
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

import homeport
from homeport.client.documents import OPERATIONS, document

ROOT = Path(__file__).parents[2]
RELEASED = Path(__file__).parent / "released"
NOW = sorted(OPERATIONS.glob("*.graphql"))
IN_THE_FIELD = sorted(RELEASED.glob("*/*.graphql"))


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "control_plane/homeport_control_plane/schema.graphql").read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", NOW, ids=lambda file: file.stem)
def test_each_operation_fits_the_schema_and_is_named_as_its_file(schema: GraphQLSchema, file: Path) -> None:
    parsed = parse(document(file.stem))

    assert [error.message for error in validate(schema, parsed)] == []
    (definition,) = parsed.definitions
    assert definition.name.value == file.stem  # type: ignore[attr-defined]


@pytest.mark.parametrize("file", IN_THE_FIELD, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_each_operation_of_a_released_version_still_fits_the_schema(schema: GraphQLSchema, file: Path) -> None:
    assert [error.message for error in validate(schema, parse(file.read_text(encoding="utf-8")))] == []


def test_the_operations_of_this_version_are_kept_for_the_day_after_its_release() -> None:
    kept = {file.stem: file.read_text(encoding="utf-8") for file in (RELEASED / homeport.__version__).glob("*.graphql")}

    assert kept == {file.stem: file.read_text(encoding="utf-8") for file in NOW}, (
        f"copy them: cp {OPERATIONS.relative_to(ROOT)}/*.graphql {(RELEASED / homeport.__version__).relative_to(ROOT)}/"
    )


def test_a_field_that_the_schema_loses_would_be_noticed(schema: GraphQLSchema, tmp_path: Path) -> None:
    shutil.copy(OPERATIONS / "viewer.graphql", tmp_path)
    changed = (tmp_path / "viewer.graphql").read_text().replace("serverVersion", "serverRelease")

    assert validate(schema, parse(changed)) != []
