"""What flows keep by themselves. A run token may read and write it, so that a flow needs no key of anybody's."""

from __future__ import annotations

from uuid import UUID

import strawberry

from homeport_control_plane import artifacts, key_values
from homeport_control_plane.api.connections import Connection, connection_of
from homeport_control_plane.api.context import Info
from homeport_control_plane.api.ids import id_of
from homeport_control_plane.api.permissions import MEMBERS, READERS, RUNS, mutation, query
from homeport_control_plane.api.scalars import uuid_or_none
from homeport_control_plane.api.user_data_types import (
    Artifact,
    ArtifactCreated,
    ArtifactDeleted,
    ArtifactFilter,
    ArtifactUpdated,
    CreateArtifactInput,
    CreateArtifactResult,
    DeleteArtifactInput,
    DeleteArtifactResult,
    DeleteKeyValueInput,
    DeleteKeyValueResult,
    KeyValue,
    KeyValueDeleted,
    KeyValueFilter,
    KeyValueSet,
    SetKeyValueInput,
    SetKeyValueResult,
    UpdateArtifactInput,
    UpdateArtifactResult,
)
from homeport_control_plane.errors import InvalidInput, NotFound


@strawberry.type
class UserDataQueries:
    @query(READERS | RUNS)
    async def key_value(self, info: Info, key: str) -> KeyValue | None:
        """The value that this key holds."""
        found = await key_values.get(*info.context.scope, key)
        return KeyValue.of(found) if found else None

    @query(READERS | RUNS)
    async def key_values(
        self, info: Info, first: int = 50, after: str | None = None, filter: KeyValueFilter | None = None
    ) -> Connection[KeyValue]:
        """The values by key."""
        page = await key_values.page(
            *info.context.scope, first=first, after=after, prefix=filter.prefix if filter else None
        )
        return connection_of(page, KeyValue.of)

    @query(READERS)
    async def artifact(self, info: Info, id: strawberry.ID) -> Artifact | None:
        """The artifact of this id."""
        artifact_id = uuid_or_none(id)
        found = await artifacts.get(*info.context.scope, artifact_id) if artifact_id else None
        return Artifact.of(found) if found else None

    @query(READERS)
    async def artifacts(
        self, info: Info, first: int = 50, after: str | None = None, filter: ArtifactFilter | None = None
    ) -> Connection[Artifact]:
        """The artifacts, newest first."""
        where = filter or ArtifactFilter()
        page = await artifacts.page(
            *info.context.scope,
            first=first,
            after=after,
            flow_run_id=id_of("flow run", where.flow_run_id) if where.flow_run_id is not None else None,
            key=where.key,
            kind=where.kind.value if where.kind else None,
            latest=where.latest,
        )
        return connection_of(page, Artifact.of)


@strawberry.type
class UserDataMutations:
    @mutation(MEMBERS | RUNS)
    async def set_key_value(self, info: Info, input: SetKeyValueInput) -> SetKeyValueResult:
        """Keeps a JSON value of at most 64 KiB under a key; the last write stands. Not for secrets."""
        context = info.context
        found = await key_values.put(*context.scope, input.key, input.value, actor=context.principal.actor)
        return KeyValueSet(key_value=KeyValue.of(found))

    @mutation(MEMBERS | RUNS)
    async def delete_key_value(self, info: Info, input: DeleteKeyValueInput) -> DeleteKeyValueResult:
        """Deletes what a key holds."""
        return KeyValueDeleted(key=await key_values.delete(*info.context.scope, input.key))

    @mutation(MEMBERS | RUNS)
    async def create_artifact(self, info: Info, input: CreateArtifactInput) -> CreateArtifactResult:
        """Makes an artifact of a run, as the next version of its key; its data are at most 256 KiB."""
        context = info.context
        made = await artifacts.create(
            *context.scope,
            _run_of(info, input.flow_run_id),
            kind=input.kind.value,
            data=input.data,
            task_run_id=id_of("task run", input.task_run_id) if input.task_run_id is not None else None,
            key=input.key,
            description=input.description,
        )
        return ArtifactCreated(artifact=Artifact.of(made))

    @mutation(MEMBERS | RUNS)
    async def update_artifact(self, info: Info, input: UpdateArtifactInput) -> UpdateArtifactResult:
        """Gives an artifact other data; a run token's must be of its own run."""
        context = info.context
        changed = await artifacts.update(
            *context.scope,
            id_of("artifact", input.id),
            data=input.data,
            kind=input.kind.value,
            of_run=context.principal.flow_run_id,
        )
        return ArtifactUpdated(artifact=Artifact.of(changed))

    @mutation(MEMBERS | RUNS)
    async def delete_artifact(self, info: Info, input: DeleteArtifactInput) -> DeleteArtifactResult:
        """Deletes an artifact; a run token's must be of its own run."""
        context = info.context
        deleted = await artifacts.delete(
            *context.scope, id_of("artifact", input.id), of_run=context.principal.flow_run_id
        )
        return ArtifactDeleted(id=strawberry.ID(str(deleted)))


def _run_of(info: Info, ref: strawberry.ID | None) -> UUID:
    own = info.context.principal.flow_run_id
    asked = id_of("flow run", ref) if ref is not None else own
    if asked is None:
        raise InvalidInput.field("flowRunId", "is needed with a key; only a run's own token knows its run")
    if own is not None and asked != own:
        raise NotFound("flow run", asked, hint="a run token is good for its own run only")
    return asked
