"""Blocks: who may look at them and change them. A run may read one, because its own code says where results go."""

from __future__ import annotations

import strawberry

from homeport_control_plane import block_types, blocks
from homeport_control_plane.api.block_types import (
    Block,
    BlockCreated,
    BlockDeleted,
    BlockFilter,
    BlockType,
    BlockUpdated,
    CreateBlockInput,
    CreateBlockResult,
    DeleteBlockInput,
    DeleteBlockResult,
    UpdateBlockInput,
    UpdateBlockResult,
)
from homeport_control_plane.api.connections import Connection, connection_of
from homeport_control_plane.api.context import Info
from homeport_control_plane.api.permissions import MEMBERS, READERS, RUNS, mutation, query
from homeport_control_plane.block_types import TypeDescription


@strawberry.type
class BlockQueries:
    @query(READERS | RUNS)
    async def block(self, info: Info, type: str, name: str) -> Block | None:
        """The block of this type and name."""
        found = await blocks.get(*info.context.scope, type, name)
        return Block.of(found) if found else None

    @query(READERS)
    async def blocks(
        self, info: Info, first: int = 50, after: str | None = None, filter: BlockFilter | None = None
    ) -> Connection[Block]:
        """The blocks by type and name."""
        page = await blocks.page(
            *info.context.scope,
            first=first,
            after=after,
            block_type=filter.type if filter else None,
        )
        return connection_of(page, Block.of)

    @query(READERS)
    async def block_types(self, info: Info, first: int = 50, after: str | None = None) -> Connection[BlockType]:
        """The types of which a block was ever made, by slug."""
        page = await block_types.page(*info.context.scope, first=first, after=after)
        return connection_of(page, BlockType.of)


@strawberry.type
class BlockMutations:
    @mutation(MEMBERS)
    async def create_block(self, info: Info, input: CreateBlockInput) -> CreateBlockResult:
        """Makes a block; one that has the same content already is answered. Secrets are given by reference only."""
        context = info.context
        made = await blocks.create(
            *context.scope,
            block_type=TypeDescription(
                slug=input.type.slug,
                title=input.type.title,
                schema=input.type.schema,
                secret_fields=input.type.secret_fields,
                version=input.type.version,
            ),
            name=input.name,
            fields=input.fields,
            secrets=input.secrets,
            overwrite=input.overwrite,
            actor=context.principal.actor,
        )
        return BlockCreated(block=Block.of(made))

    @mutation(MEMBERS)
    async def update_block(self, info: Info, input: UpdateBlockInput) -> UpdateBlockResult:
        """Changes fields or references of a block; the next claim of a run whose code lies there answers them."""
        context = info.context
        changed = await blocks.update(
            *context.scope,
            input.type,
            input.name,
            fields=input.fields,
            secrets=input.secrets,
            actor=context.principal.actor,
        )
        return BlockUpdated(block=Block.of(changed))

    @mutation(MEMBERS)
    async def delete_block(self, info: Info, input: DeleteBlockInput) -> DeleteBlockResult:
        """Deletes a block that no deployment needs any more."""
        await blocks.delete(*info.context.scope, input.type, input.name)
        return BlockDeleted(type=input.type, name=input.name)
