"""What flows keep by themselves, as it is answered: values by key, and artifacts of runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from homeport_control_plane import artifacts, key_values
from homeport_control_plane.api.enums import ArtifactKind
from homeport_control_plane.api.error_types import InvalidInput, NotFound
from homeport_control_plane.api.scalars import JSON


@strawberry.type(description="A small JSON value that flows keep by key, for the whole tenant.")
class KeyValue:
    key: str
    value: JSON
    updated_at: datetime
    updated_by: str

    @classmethod
    def of(cls, found: key_values.KeyValue) -> KeyValue:
        return cls(key=found.key, value=found.value, updated_at=found.updated_at, updated_by=found.updated_by)


@strawberry.type(description="What a run shows to people; versions count the artifacts of a key.")
class Artifact:
    id: strawberry.ID
    flow_run_id: strawberry.ID
    task_run_id: strawberry.ID | None
    kind: ArtifactKind
    key: str | None
    version: int | None
    description: str | None
    data: JSON
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, found: artifacts.Artifact) -> Artifact:
        return cls(
            id=strawberry.ID(str(found.id)),
            flow_run_id=strawberry.ID(str(found.flow_run_id)),
            task_run_id=strawberry.ID(str(found.task_run_id)) if found.task_run_id else None,
            kind=ArtifactKind(found.kind),
            key=found.key,
            version=found.version,
            description=found.description,
            data=found.data,
            created_at=found.created_at,
            updated_at=found.updated_at,
        )


@strawberry.input
class KeyValueFilter:
    prefix: str | None = None


@strawberry.input
class ArtifactFilter:
    flow_run_id: strawberry.ID | None = None
    key: str | None = None
    kind: ArtifactKind | None = None
    latest: bool = strawberry.field(default=False, description="Of each key only the last version.")


@strawberry.input
class SetKeyValueInput:
    key: str
    value: JSON


@strawberry.input
class DeleteKeyValueInput:
    key: str


@strawberry.input
class CreateArtifactInput:
    kind: ArtifactKind
    data: JSON
    flow_run_id: strawberry.ID | None = strawberry.field(
        default=None, description="Its run; a run token's own unless given, and no other."
    )
    task_run_id: strawberry.ID | None = None
    key: str | None = None
    description: str | None = None


@strawberry.input
class UpdateArtifactInput:
    id: strawberry.ID
    kind: ArtifactKind
    data: JSON


@strawberry.input
class DeleteArtifactInput:
    id: strawberry.ID


@strawberry.type
class KeyValueSet:
    key_value: KeyValue


@strawberry.type
class KeyValueDeleted:
    key: str


@strawberry.type
class ArtifactCreated:
    artifact: Artifact


@strawberry.type
class ArtifactUpdated:
    artifact: Artifact


@strawberry.type
class ArtifactDeleted:
    id: strawberry.ID


SetKeyValueResult: TypeAlias = Annotated[KeyValueSet | InvalidInput, strawberry.union("SetKeyValueResult")]
DeleteKeyValueResult: TypeAlias = Annotated[
    KeyValueDeleted | NotFound | InvalidInput, strawberry.union("DeleteKeyValueResult")
]
CreateArtifactResult: TypeAlias = Annotated[
    ArtifactCreated | NotFound | InvalidInput, strawberry.union("CreateArtifactResult")
]
UpdateArtifactResult: TypeAlias = Annotated[
    ArtifactUpdated | NotFound | InvalidInput, strawberry.union("UpdateArtifactResult")
]
DeleteArtifactResult: TypeAlias = Annotated[
    ArtifactDeleted | NotFound | InvalidInput, strawberry.union("DeleteArtifactResult")
]
