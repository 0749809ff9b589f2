"""The schema: the root types put together, checked, tuned for the interpreter, and exported as the contract's file."""

from __future__ import annotations

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from homeport_control_plane.api.agent_mutations import AgentMutations
from homeport_control_plane.api.blocks import BlockMutations
from homeport_control_plane.api.management_mutations import ManagementMutations
from homeport_control_plane.api.permissions import check_declared
from homeport_control_plane.api.queries import Query
from homeport_control_plane.api.scalars import SCALARS
from homeport_control_plane.api.subscriptions import Subscription
from homeport_control_plane.api.tuning import tune
from homeport_control_plane.api.user_data import UserDataMutations


@strawberry.type
class Mutation(ManagementMutations, UserDataMutations, BlockMutations, AgentMutations):
    """What can be changed. Every mutation is idempotent, or says how to make it so."""


def build() -> strawberry.Schema:
    """The whole schema. Raises TypeError for a root field that does not declare who may ask for it."""
    config = StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True)
    schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription, config=config)
    core: GraphQLSchema = schema._schema
    check_declared(core.query_type, core.mutation_type, core.subscription_type)
    tune(core)
    return schema


def export() -> str:
    """The schema as the text of schema.graphql."""
    return build().as_str() + "\n"
