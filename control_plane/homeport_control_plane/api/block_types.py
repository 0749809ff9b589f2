"""Blocks and their types, as they are answered and given."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, TypeAlias, cast

import strawberry

from homeport_control_plane import block_types, blocks
from homeport_control_plane.api.context import Info
from homeport_control_plane.api.error_types import Conflict, InvalidInput, NotFound
from homeport_control_plane.api.registered_types import Deployment, deployment_of
from homeport_control_plane.api.scalars import JSON


@strawberry.type(description="What a kind of storage or infrastructure is described by, as its package said last.")
class BlockType:
    slug: str
    title: str
    schema: JSON = strawberry.field(description="The JSON Schema of fields and references together.")
    secret_fields: list[str] = strawberry.field(description="The fields that are given by reference only.")
    version: str = strawberry.field(description="The version of the package that described it.")
    updated_at: datetime

    @classmethod
    def of(cls, found: block_types.BlockType) -> BlockType:
        return cls(
            slug=found.slug,
            title=found.title,
            schema=found.schema,
            secret_fields=list(found.secret_fields),
            version=found.version,
            updated_at=found.updated_at,
        )


@strawberry.type(description="Named configuration of a type. Of a secret it has only the reference, never the value.")
class Block:
    id: strawberry.ID
    name: str
    fields: JSON
    secrets: JSON = strawberry.field(description='Field -> reference: {"token": "env:GIT_TOKEN"}.')
    revision: int = strawberry.field(description="Counts its changes, from 1.")
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    row: strawberry.Private[blocks.Block]

    @classmethod
    def of(cls, found: blocks.Block) -> Block:
        return cls(
            id=strawberry.ID(str(found.id)),
            name=found.name,
            fields=JSON(found.fields),
            secrets=JSON(found.secrets),
            revision=found.revision,
            created_at=found.created_at,
            created_by=found.created_by,
            updated_at=found.updated_at,
            updated_by=found.updated_by,
            row=found,
        )

    @strawberry.field
    async def type(self, info: Info) -> BlockType:
        # Held by a foreign key, as the rows in registered_types are.
        found = await info.context.loaders.block_types.load(self.row.block_type_id)
        return BlockType.of(cast(block_types.BlockType, found))

    @strawberry.field
    async def deployments(self, info: Info) -> list[Deployment]:
        """The deployments whose code lies in its storage, by project, flow and name; at most 50."""
        ids = await info.context.loaders.block_users.load(self.row.id)
        return await asyncio.gather(*(deployment_of(info, id) for id in ids))


@strawberry.input
class BlockFilter:
    type: str | None = None


@strawberry.input(description="A type as the caller's package has it; the newest version's description stands.")
class BlockTypeInput:
    slug: str
    title: str
    schema: JSON
    secret_fields: list[str]
    version: str


@strawberry.input
class CreateBlockInput:
    type: BlockTypeInput
    name: str
    fields: JSON | None = None
    secrets: JSON | None = strawberry.field(
        default=None,
        description="Field -> reference: env:, keyring:, file:, secret:, aws: or azure: and a name. Never a secret.",
    )
    overwrite: bool = False


@strawberry.input(description="What is given is set, what is given as null is taken away, and the rest stays.")
class UpdateBlockInput:
    type: str
    name: str
    fields: JSON | None = None
    secrets: JSON | None = None


@strawberry.input
class DeleteBlockInput:
    type: str
    name: str


@strawberry.type
class BlockCreated:
    block: Block


@strawberry.type
class BlockUpdated:
    block: Block


@strawberry.type
class BlockDeleted:
    type: str
    name: str


CreateBlockResult: TypeAlias = Annotated[
    BlockCreated | Conflict | NotFound | InvalidInput, strawberry.union("CreateBlockResult")
]
UpdateBlockResult: TypeAlias = Annotated[BlockUpdated | NotFound | InvalidInput, strawberry.union("UpdateBlockResult")]
DeleteBlockResult: TypeAlias = Annotated[
    BlockDeleted | Conflict | NotFound | InvalidInput, strawberry.union("DeleteBlockResult")
]
