"""The scalars of the contract: times in UTC with microseconds, any JSON, and what comes in batches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NewType
from uuid import UUID

import strawberry
from graphql import GraphQLError
from graphql.language import ValueNode
from graphql.utilities import value_from_ast_untyped
from strawberry.types.scalar import ScalarDefinition

from homeport_control_plane.claims import Claim

JSON = NewType("JSON", object)
# The bytes of the JSON value where it came as a variable of its own (decoded once, by the domain), else the plain
# value.
EventBatch = NewType("EventBatch", object)


def time_text(value: datetime) -> str:
    """ISO 8601 in UTC with microseconds: 2026-11-21T09:30:00.123456Z."""
    return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def parse_time(value: object) -> datetime:
    """The moment in an ISO 8601 text with a zone. Raises GraphQLError for anything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        moment = moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise GraphQLError(f"DateTime needs an ISO 8601 text with a time zone, found {str(value)[:80]!r}.")
    return moment


def parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
    """The value written out in the document itself."""
    return value_from_ast_untyped(node, variables)


def uuid_or_none(ref: str | None) -> UUID | None:
    """The id in this text; None where it is none, because nothing can have such an id."""
    try:
        return UUID(ref) if ref is not None else None
    except ValueError:
        return None


def _as_is(value: Any) -> Any:
    return value


def _never_given(value: Any) -> Any:
    raise GraphQLError("A claim is only answered, never given.")


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="ISO 8601, UTC, microseconds: 2026-11-21T09:30:00.123456Z",
        serialize=time_text,
        parse_value=parse_time,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value (object parameters, schemas, references).",
        serialize=_as_is,
        parse_value=_as_is,
        parse_literal=parse_json_literal,
    ),
    Claim: strawberry.scalar(
        name="Claim",
        description="A claimed attempt and all that is needed to start it; its JSON Schema is claim.schema.json.",
        serialize=_as_is,
        parse_value=_never_given,
    ),
    EventBatch: strawberry.scalar(
        name="EventBatch",
        description="A batch of run events, strictly decoded; its JSON Schema is event_batch.schema.json.",
        serialize=_as_is,
        parse_value=_as_is,
        parse_literal=parse_json_literal,
    ),
}
