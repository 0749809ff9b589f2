"""Who may do what: every root field of the contract declares the kinds of key that may ask for it, here or not at all.

`query`, `mutation` and `subscription` make a root field and take that declaration as their first argument, so that a
field without one cannot be written; `check_declared` refuses a schema with a root field that was made any other way.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, ParamSpec, TypeVar

import strawberry
from graphql import GraphQLError, GraphQLObjectType
from strawberry.types import Info

from homeport_control_plane.api.error_types import member_of
from homeport_control_plane.errors import DomainError

log = logging.getLogger("homeport.audit")

P = ParamSpec("P")
R = TypeVar("R")

Kinds = frozenset[str]
ADMINS: Final[Kinds] = frozenset({"admin"})
MEMBERS: Final[Kinds] = ADMINS | {"member"}
READERS: Final[Kinds] = MEMBERS | {"viewer"}
# An administrator may start an agent on the spot, as everyone does on the first day; a service gets its own key.
AGENTS: Final[Kinds] = ADMINS | {"agent"}
RUNS: Final[Kinds] = frozenset({"run"})
EVERYONE: Final[Kinds] = READERS | AGENTS | RUNS

# Root field name as in the schema -> the kinds that may ask for it. Filled by the declarations, read by the generated
# test.
DECLARED: dict[str, Kinds] = {}


def query(allowed: Kinds) -> Callable[[Callable[P, Awaitable[R]]], Any]:
    """A query field for these kinds; what the domain refuses is an error of the answer."""

    def declare(resolver: Callable[P, Awaitable[R]]) -> Any:
        return strawberry.field(_guarded(resolver, allowed), description=inspect.getdoc(resolver))

    return declare


def mutation(allowed: Kinds) -> Callable[[Callable[P, Awaitable[R]]], Any]:
    """A mutation field for these kinds; what the domain refuses becomes a member of the result."""

    def declare(resolver: Callable[P, Awaitable[R]]) -> Any:
        return strawberry.mutation(_answering(_guarded(resolver, allowed)), description=inspect.getdoc(resolver))

    return declare


def subscription(allowed: Kinds) -> Callable[[Callable[P, AsyncIterator[R]]], Any]:
    """A subscription field for these kinds."""

    def declare(resolver: Callable[P, AsyncIterator[R]]) -> Any:
        DECLARED[_field_name(resolver)] = allowed

        @functools.wraps(resolver)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
            require(_info(kwargs), allowed)
            async for value in resolver(*args, **kwargs):
                yield value

        return strawberry.subscription(guarded, description=inspect.getdoc(resolver))

    return declare


def require(info: Info[Any, Any], allowed: Kinds) -> None:
    """Raises FORBIDDEN unless the key is of one of these kinds."""
    kind = info.context.principal.kind
    if kind not in allowed:
        may = ", ".join(sorted(allowed))
        log.info("refused %s to %s", info.field_name, info.context.principal.actor)
        raise GraphQLError(
            f"{info.field_name} is not allowed with a key of kind {kind}; it needs one of: {may}.",
            extensions={"code": "FORBIDDEN"},
        )


def check_declared(*roots: GraphQLObjectType | None) -> None:
    """Raises TypeError for a root field that declares nobody who may ask for it."""
    for root in roots:
        missing = set(root.fields if root else ()) - set(DECLARED)
        if missing:
            raise TypeError(f"{sorted(missing)} of {root} declare no kind of key that may ask for them")


def _guarded(resolver: Callable[P, Awaitable[R]], allowed: Kinds) -> Callable[P, Awaitable[R]]:
    DECLARED[_field_name(resolver)] = allowed

    @functools.wraps(resolver)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        require(_info(kwargs), allowed)
        return resolver(*args, **kwargs)

    return guarded


def _answering(resolver: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[Any]]:
    @functools.wraps(resolver)
    async def answering(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return await resolver(*args, **kwargs)
        except DomainError as error:
            member = member_of(error)
            if member is None:
                raise
            return member

    return answering


def _info(kwargs: dict[str, Any]) -> Info[Any, Any]:
    info: Info[Any, Any] = kwargs["info"]
    return info


def _field_name(resolver: Callable[..., Any]) -> str:
    first, *rest = resolver.__name__.split("_")
    return first + "".join(word.capitalize() for word in rest)
